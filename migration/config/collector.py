"""Python's cyclic collector in processes that serve: it has little to find and must not look at all code for it."""

import gc

_ALLOCATIONS = 20_000
"""New containers between two looks at the young ones: a chunk's rows are several thousand, and none is garbage."""


def spare_loaded_code() -> None:
    """Keep the collector from walking what is loaded by now; called once a process is ready to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
