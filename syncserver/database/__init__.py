"""Django's Postgres backend for the web process, whose pool looks after its connections without asking the server."""
