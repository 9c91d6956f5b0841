"""Real browsers on the real stack. Specs talk to page objects, never to selectors, and never sleep."""
