"""Moves what web pages keep in localStorage onto a server: five floors of rooms, imports only downward.

Floor 0 `models states values events errors config` · floor 1 `lifecycle progress dispatch` ·
floor 2 `uploads detection extraction validation mapping backups loading records cutover rollback` ·
floor 3 `orchestration reports` · floor 4 `api realtime admin management jobs`.
"""
