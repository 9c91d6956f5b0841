"""The demo: an ordinary host page that knows only `localStorage`, with the SDK added by one script tag."""
