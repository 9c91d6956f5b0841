"""Several prepared statements in one message and their answers in the next: one wait, however many they are.

psycopg's own pipeline waits for BEGIN and flushes after each statement: eleven waits for one small write, a third of
what it cost the web process. Here libpq's pipeline mode is spoken through psycopg's binding of it (`psycopg.pq`), with
psycopg's adapters and errors: https://www.postgresql.org/docs/current/libpq-pipeline-mode.html

psycopg must not prepare anything by itself on these connections (`prepare_threshold` None, as Django has it): after a
rollback it would take back every statement of the session, these as well.
"""

from collections.abc import Generator, Sequence
from itertools import count
from typing import Any, NamedTuple

from psycopg import Connection, capabilities, errors, pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.waiting import Ready, Wait

from migration.values.questions import Question

Rows = list[tuple[Any, ...]]

KEPT = 200
"""Statements a session keeps prepared; the one not asked for the longest time makes room."""
_BEGIN = Question("BEGIN", [])


def exchange(link: "Connection[Any]", questions: Sequence[Question], *, begins: bool) -> list[Rows]:
    """Ask all questions in one message and return the rows of each; `begins` puts BEGIN before them.

    Without it, and outside of a transaction, they are one by themselves. Raises psycopg's error of the first that
    failed; what stood behind it was not run.
    """
    with link.lock:
        session = _session_of(link)
        said = [session.say(question) for question in ([_BEGIN, *questions] if begins else questions)]
        try:
            link.pgconn.enter_pipeline_mode()
            parts = session.send(link.pgconn, said)
            results = link.wait(_talk(link.pgconn))
        finally:
            _leave(link)
        return session.read(results, parts)[1 if begins else 0 :]


class _Kind(NamedTuple):
    """A statement as it is prepared: its text and the types of its parameters."""

    text: str
    types: tuple[int, ...]


class _Said(NamedTuple):
    """A question in the form in which it travels."""

    kind: _Kind
    params: Sequence[pq.abc.Buffer | None]
    formats: Sequence[Format] | None


class _Part(NamedTuple):
    """One part of a message; its result is the rows of a question, or says that `preparing` was done."""

    preparing: bool
    kind: _Kind | None


class _Session:
    """What one session has prepared: a name for each kind of statement."""

    def __init__(self, link: "Connection[Any]") -> None:
        self.adapters, self.connection = AdaptersMap(link.adapters), link  # a context as psycopg wants it
        # psycopg chooses by the number's size, and each choice would be a statement of its own.
        self.adapters.register_dumper(int, Int8BinaryDumper)
        self._transformer = Transformer(self)
        self._names: dict[_Kind, bytes] = {}
        self._unwanted: list[bytes] = []
        self._numbers = count(1)

    def say(self, question: Question) -> _Said:
        """Write a question's parameters. Raises psycopg's DataError for one Postgres cannot hold."""
        transformer = self._transformer
        wanted = [PyFormat.BINARY if isinstance(one, list) else PyFormat.AUTO for one in question.given]
        params = transformer.dump_sequence(question.given, wanted)
        return _Said(_Kind(question.text, transformer.types or ()), params, transformer.formats)

    def send(self, pgconn: pq.abc.PGconn, said: Sequence[_Said]) -> list[_Part]:
        """Write one message; return its parts, a result will come for each."""
        parts: list[_Part] = []
        for kind, params, formats in said:
            name = self._names.pop(kind, None) or self._prepare(pgconn, kind, parts)
            self._names[kind] = name  # at the end: the youngest
            pgconn.send_query_prepared(name, params, formats, Format.BINARY)
            parts.append(_Part(preparing=False, kind=kind))
        pgconn.pipeline_sync()
        return parts

    def read(self, results: Sequence[pq.abc.PGresult], parts: Sequence[_Part]) -> list[Rows]:
        """Return the rows of each question. Raises what Postgres said to the first part that failed.

        A result behind those of all parts is what it said to their commit: a constraint that was deferred, say.
        """
        for place, result in enumerate(results):
            if result.status == ExecStatus.FATAL_ERROR:
                error = errors.error_from_result(result)
                self._forget(parts[place:], error)
                raise error
        return [self._rows(result) for result, part in zip(results, parts, strict=True) if not part.preparing]

    def _rows(self, result: pq.abc.PGresult) -> Rows:
        if not result.ntuples:
            return []
        self._transformer.set_pgresult(result, format=Format.BINARY)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def _prepare(self, pgconn: pq.abc.PGconn, kind: _Kind, parts: list[_Part]) -> bytes:
        while len(self._names) >= KEPT:
            self._unwanted.append(self._names.pop(next(iter(self._names))))
        for unwanted in self._unwanted:
            _take_back(pgconn, unwanted)
            parts.append(_Part(preparing=True, kind=None))
        self._unwanted.clear()
        name = b"asked_%d" % next(self._numbers)
        pgconn.send_prepare(name, kind.text.encode(), kind.types)
        parts.append(_Part(preparing=True, kind=kind))
        return name

    def _forget(self, failed: Sequence[_Part], error: errors.Error) -> None:
        """Forget what was not prepared, because it stood behind what failed, and the statement that failed itself.

        A table may have changed under it since it was planned. No name is given twice.
        """
        if isinstance(error, errors.InvalidSqlStatementName):  # somebody has taken all of them back
            self._names.clear()
            return
        for first in failed[:1]:
            if not first.preparing and first.kind in self._names:
                self._unwanted.append(self._names.pop(first.kind))
        for part in failed:
            if part.preparing and part.kind is not None:
                self._names.pop(part.kind, None)


def _session_of(link: "Connection[Any]") -> _Session:
    """Return what goes with a connection, and ends with it."""
    session: _Session | None = link.__dict__.get("asking")
    if session is None:
        session = link.__dict__["asking"] = _Session(link)
    return session


def _take_back(pgconn: pq.abc.PGconn, name: bytes) -> None:
    """Let the server forget a statement; poolers in between understand the protocol's own message for it."""
    if capabilities.has_send_close_prepared():
        pgconn.send_close_prepared(name)
    else:
        pgconn.send_query_params(b"DEALLOCATE " + name, None)


def _talk(pgconn: pq.abc.PGconn) -> Generator[Wait, Ready | int, list[pq.abc.PGresult]]:
    """Send what is written and return all results, up to the end of the message."""
    while pgconn.flush():
        # What is answered meanwhile is taken in, or two full buffers would wait for each other.
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results: list[pq.abc.PGresult] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # between two parts
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


def _leave(link: "Connection[Any]") -> None:
    """End the pipeline; a connection that was left in the middle of one is of no more use."""
    if link.pgconn.status != ConnStatus.OK:
        return
    try:
        link.pgconn.exit_pipeline_mode()
    except errors.Error:
        link.close()
