"""A Postgres without room: it refuses whatever grows a table, by the error it has for that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_REFUSE = """
    CREATE SEQUENCE refused_for_room;
    CREATE FUNCTION refuse_for_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        PERFORM nextval('public.refused_for_room');
        RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full', HINT = 'Check free disk space.';
    END $$;
    CREATE TRIGGER refuse_for_room BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_for_room();
"""
_FREE = "DROP FUNCTION refuse_for_room() CASCADE; DROP SEQUENCE refused_for_room"
ASKED = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refused_for_room"
"""How often something wanted room: a sequence remembers it, though the transactions were rolled back."""


@contextmanager
def no_room_for(execute: Callable[[str], object], table: str) -> Iterator[None]:
    """Have Postgres refuse whatever grows a table, until the block ends."""
    execute(_REFUSE.format(table=table))
    try:
        yield
    finally:
        execute(_FREE)
