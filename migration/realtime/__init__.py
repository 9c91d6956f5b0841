"""The progress sockets: a whole snapshot first, then numbered events."""
