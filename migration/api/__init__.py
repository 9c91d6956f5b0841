"""The HTTP door: translate in, make one call, translate out. Statuses, tokens, origins and limits live here."""
