"""The Django project around the app `migration`: settings, addresses, servers, and the stack that runs it."""
