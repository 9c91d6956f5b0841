"""Why one entry was refused; the loader writes it to quarantine with the entry itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """One entry's refusal: its place in the chunk, a stable code, words, and where in the entry the fault lies."""

    ordinal: int
    code: str
    detail: str
    path: str = ""
