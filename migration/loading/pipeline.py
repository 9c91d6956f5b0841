"""MigrationPipeline: phases that overlap, with bounded queues between them, so that memory stays flat."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from typing import Any

_PATIENCE = 0.1
Phase = Callable[[Iterator[Any]], Iterable[Any]]


class MigrationPipeline:
    """Runs phases side by side, each in a thread of its own but the last, which is the caller's loop.

    Phases of threads may not touch the database: a connection belongs to a thread.
    """

    def __init__(self, *phases: Phase, depth: int = 1) -> None:
        """Name the phases in their order; `depth` results of each may wait for the next."""
        self._phases, self._depth = phases, depth
        self._stopped = threading.Event()

    def run(self, source: Iterable[Any]) -> Iterator[Any]:
        """Yield what the last phase makes of `source`. What a phase raises is raised here, after what came before it.

        Leaving the loop ends all phases.
        """
        stream: Iterator[Any] = iter(source)
        threads = []
        for phase in self._phases:
            results: Queue[tuple[str, Any]] = Queue(self._depth)
            thread = threading.Thread(target=self._feed, args=(phase, stream, results), daemon=True)
            threads.append(thread)
            stream = self._drain(results)
            thread.start()
        try:
            yield from stream
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def _feed(self, phase: Phase, given: Iterator[Any], results: "Queue[tuple[str, Any]]") -> None:
        try:
            for one in phase(given):
                if not self._put(results, ("result", one)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of whoever takes the results
            self._put(results, ("error", error))
        else:
            self._put(results, ("end", None))

    def _put(self, results: "Queue[tuple[str, Any]]", item: tuple[str, Any]) -> bool:
        while not self._stopped.is_set():
            try:
                results.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def _drain(self, results: "Queue[tuple[str, Any]]") -> Iterator[Any]:
        while not self._stopped.is_set():
            try:
                kind, one = results.get(timeout=_PATIENCE)
            except Empty:
                continue
            if kind == "error":
                raise one
            if kind == "end":
                return
            yield one
