"""An installation whose own constraint on the records refuses values with the word `bad`."""

from django.db import connection

_REFUSE = """
CREATE FUNCTION refuse_bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.value::text LIKE '%bad%' THEN RAISE check_violation USING CONSTRAINT = 'nothing_bad'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_bad BEFORE INSERT OR UPDATE ON migration_record FOR EACH ROW EXECUTE FUNCTION refuse_bad()
"""
_TAKE = "DROP TRIGGER IF EXISTS refuse_bad ON migration_record; DROP FUNCTION IF EXISTS refuse_bad()"


def refuse_bad() -> None:
    """Have Postgres refuse such values; whoever asked for it calls `take_bad` in the end."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE)


def take_bad() -> None:
    """Have Postgres take every value again."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
