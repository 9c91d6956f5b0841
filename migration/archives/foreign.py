"""Files that are not ours: entries of one owner as NDJSON or one JSON array, plain, gzip or zstd, streamed.

An entry is `[key, value]` or `{"key": …, "value": …}`, both strings: what localStorage holds. Of many owners, it is
`[owner, key, value]` or has an `owner` beside the two. Which of the forms a file has is seen from its first bytes, not
from its name.
"""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from migration.archives.packing import inflated, raw_blocks
from migration.errors import ArchiveInvalid, ArchiveTooLarge

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
LONGEST_SUBJECT = 255
"""Characters of an account's subject."""
_BETWEEN = " \t\r\n,"
# A number is no value of localStorage, however long it is: it is not even made.
_READ = json.JSONDecoder(parse_int=lambda _: None, parse_float=lambda _: None).raw_decode


def foreign_entries(path: Path, *, longest: int, most: int) -> Iterator[tuple[str, str]]:
    """Yield (key, value) in the file's order, in bounded memory.

    Raises ArchiveInvalid for anything that is no entry, ArchiveTooLarge for an entry longer than `longest` or a file
    that inflates to more than `most` bytes, ArchiveDamaged for a stream that is cut off.
    """
    for number, value in _numbered(path, longest=longest, most=most):
        yield _entry(value, number)


def owned_entries(path: Path, *, longest: int, most: int) -> Iterator[tuple[str, str, str]]:
    """Yield (owner, key, value) in the file's order, in bounded memory. Raises as `foreign_entries`."""
    for number, value in _numbered(path, longest=longest, most=most):
        yield _owned(value, number)


def _numbered(path: Path, *, longest: int, most: int) -> Iterator[tuple[int, object]]:
    with path.open("rb") as file:
        blocks = raw_blocks(file)
        first = next(blocks, b"")
        kind = next((name for magic, name in _MAGIC.items() if first.startswith(magic)), "none")
        texts = _decoded(inflated(chain([first], blocks), kind, most=most))
        yield from enumerate(_values(texts, longest=longest), start=1)


def _decoded(blocks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for block in blocks:
        given = rest + block
        # A character cut in two by the end of the block waits for its other half.
        cut = next((n for n in range(1, 4) if len(given) >= n and given[-n] >= 0xC0), 0)
        rest = given[len(given) - cut :] if cut else b""
        yield _text(given[: len(given) - cut])
    yield _text(rest)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ArchiveInvalid("The file is not UTF-8.") from error


def _values(texts: Iterator[str], *, longest: int) -> Iterator[object]:
    """Yield the values of an array, or of lines, one by one."""
    reading = _Reading(texts, longest)
    in_array = reading.opens_array()
    while reading.goes_on():
        if in_array and reading.text.startswith("]"):
            return reading.expect_end()
        yield reading.value()
    if in_array:
        raise ArchiveInvalid("The array does not end.")
    return None


class _Reading:
    """Text that comes piece by piece, and how much of it is read."""

    def __init__(self, texts: Iterator[str], longest: int) -> None:
        self._texts, self._longest = texts, longest
        self.text, self._at_end = next(texts, "").lstrip("\ufeff \t\r\n"), False

    def opens_array(self) -> bool:
        """Tell whether it is an array of entries; its bracket is passed over."""
        found = _opens_array(self.text)
        self.text = self.text[found:]
        return found

    def goes_on(self) -> bool:
        """Pass over what separates values; False where nothing follows."""
        self.text = self.text.lstrip(_BETWEEN)
        while not self.text and not self._at_end:
            self._read_more()
            self.text = self.text.lstrip(_BETWEEN)
        return bool(self.text)

    def value(self) -> object:
        """Read a value, as much of it as there is to come."""
        while True:
            try:
                value, end = _READ(self.text)
            except RecursionError as error:
                raise ArchiveInvalid("The file is nested too deeply.") from error
            except ValueError as error:
                if self._at_end:
                    raise ArchiveInvalid("The file is not JSON.") from error
                # Twice as much before the next attempt: a long entry is not read over and over.
                needed = 2 * len(self.text)
                while len(self.text) < needed and not self._at_end:
                    self._read_more()
            else:
                self.text = self.text[end:]
                return value

    def expect_end(self) -> None:
        if self.text[1:].strip() or any(one.strip() for one in self._texts):
            raise ArchiveInvalid("Something follows the array.")

    def _read_more(self) -> None:
        more = next(self._texts, None)
        self._at_end = more is None
        self.text += more or ""
        if len(self.text) > 2 * self._longest:
            raise ArchiveTooLarge(f"An entry is longer than {self._longest} characters.")


def _opens_array(text: str) -> bool:
    """Tell an array of entries from a line that is one: `["key", "value"]`."""
    return text.startswith("[") and text[1:].lstrip().startswith(("[", "{", "]"))


def _entry(value: object, number: int) -> tuple[str, str]:
    if isinstance(value, dict) and value.keys() >= {"key", "value"}:
        value = [value["key"], value["value"]]
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value):
        return value[0], value[1]
    raise ArchiveInvalid(f"Entry {number} is neither [key, value] nor {{key, value}} of strings.", entry=number)


def _owned(value: object, number: int) -> tuple[str, str, str]:
    if isinstance(value, dict) and value.keys() >= {"owner", "key", "value"}:
        value = [value["owner"], value["key"], value["value"]]
    if isinstance(value, list) and len(value) == 3 and all(isinstance(one, str) for one in value):
        if not _is_subject(value[0]):
            raise ArchiveInvalid(f"Entry {number} names no account.", entry=number)
        return value[0], value[1], value[2]
    raise ArchiveInvalid(
        f"Entry {number} is neither [owner, key, value] nor {{owner, key, value}} of strings.", entry=number
    )


def _is_subject(text: str) -> bool:
    return 0 < len(text) <= LONGEST_SUBJECT and not any(one == "\x00" or "\ud800" <= one <= "\udfff" for one in text)
