"""The faults we hold against: each with its number, what happens in it, and the tests that show that it does no harm.

A test in Python is named `path::Class::test` (or `path::test`), one of the SDK `path::title`, of which the beginning is
enough. `tests/architecture/test_fault_rows.py` sees to it that no row is left out and that every test named is there.
"""

from tests.faults.rows import of_pages, of_the_main_road
from tests.faults.rows.fault import Fault

FAULTS: dict[int, Fault] = {**of_the_main_road.FAULTS, **of_pages.FAULTS}
"""{number: row}"""

__all__ = ["FAULTS", "Fault"]
