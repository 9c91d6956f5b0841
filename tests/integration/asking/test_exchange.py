"""Several statements in one message: their order, their failures, and what the session keeps of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, connections, transaction

from migration.asking import ask, ask_all
from migration.asking.exchange import KEPT
from migration.values.questions import Question, Statement

pytestmark = pytest.mark.django_db(transaction=True)

_WRITE = Statement("INSERT INTO told VALUES (%(number)s::bigint) RETURNING number")
_COUNT = Question("SELECT count(*) FROM told", [])
_DIVIDE = Statement("SELECT 1 / %(number)s::bigint")


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE told (number bigint)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE told")


def _prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'asked%'")
        return [name for (name,) in cursor.fetchall()]


class TestQuestions:
    def test_are_answered_in_their_order_and_see_those_before_them(self) -> None:
        assert ask_all([_COUNT, _WRITE.of({"number": 7}), _COUNT]) == [[(0,)], [(7,)], [(1,)]]

    def test_begin_the_transaction_of_an_atomic_block(self) -> None:
        with transaction.atomic():
            ask_all([_WRITE.of({"number": 1}), _COUNT])
            transaction.set_rollback(True)
        assert ask(_COUNT) == [(0,)]

    def test_that_fail_leave_nothing_and_keep_what_stands_behind_them_from_being_run(self) -> None:
        for _ in range(2):  # what was to be prepared behind it can be prepared again
            with pytest.raises(DataError, match="division by zero"), transaction.atomic():
                ask_all([_WRITE.of({"number": 1}), _DIVIDE.of({"number": 0}), _COUNT])
        assert ask_all([_COUNT, _DIVIDE.of({"number": 1})]) == [[(0,)], [(1,)]]

    def test_that_cannot_be_committed_say_so(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE told ADD UNIQUE (number) DEFERRABLE INITIALLY DEFERRED")
        for _ in range(2):
            with pytest.raises(IntegrityError, match="told_number_key"):
                ask_all([_WRITE.of({"number": 1}), _WRITE.of({"number": 1})])
        assert ask_all([_WRITE.of({"number": 1}), _COUNT]) == [[(1,)], [(1,)]]

    def test_that_are_not_understood_here_leave_the_session_as_it_was(self) -> None:
        with pytest.raises(DataError):
            ask_all([_COUNT, Question("SELECT $1::text", ["a\x00b"])])
        assert ask_all([_COUNT, Question("SELECT $1::text", ["ab"])]) == [[(0,)], [("ab",)]]

    def test_may_be_as_large_as_their_answers(self) -> None:
        large = Question("SELECT $1::text", ["x" * 6_000_000])
        assert [len(rows[0][0]) for rows in ask_all([large, large, large])] == [6_000_000] * 3

    def test_bring_and_return_what_python_means(self) -> None:
        at, one, given = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), uuid4(), [b"\x00\xff", None, True, 2**40]
        types = ("bytea", "uuid", "bool", "bigint", "timestamptz", "uuid", "int[]", "text[]")
        text = "SELECT '[1]'::jsonb, " + ", ".join(f"${place}::{name}" for place, name in enumerate(types, start=1))
        assert ask(Question(text, [*given, at, one, [1, 70_000], []])) == [([1], *given, at, one, [1, 70_000], [])]


class TestASession:
    def test_prepares_a_statement_once_however_large_its_numbers_are(self) -> None:
        before = len(_prepared())
        for number in (1, 70_000, 2**40):
            ask_all([_WRITE.of({"number": number})])
        assert len(_prepared()) == before + 1

    def test_lets_the_oldest_statements_go(self) -> None:
        for place in range(KEPT + 20):
            assert ask(Question(f"SELECT {place} + $1::bigint", [1])) == [(place + 1,)]
            assert ask(_COUNT) == [(0,)]
        assert len(_prepared()) == KEPT

    def test_that_the_server_ends_is_noticed_and_followed_by_another(self) -> None:
        [(pid,)] = ask(Question("SELECT pg_backend_pid()", []))
        with pytest.raises((OperationalError, InterfaceError)):
            ask_all([Question("SELECT pg_terminate_backend($1::int)", [pid]), Question("SELECT pg_sleep(5)", [])])
        connections["default"].close()
        assert ask(_COUNT) == [(0,)]

    def test_whose_statement_takes_too_long_goes_on_after_it(self) -> None:
        impatient = Question("SELECT set_config('statement_timeout', '50', true)", [])
        with pytest.raises(OperationalError, match="statement timeout"), transaction.atomic():
            ask_all([impatient, _COUNT, Question("SELECT pg_sleep(5)", []), _COUNT])
        assert ask(_COUNT) == [(0,)]
