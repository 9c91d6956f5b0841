"""What the fuzzer must be told of us: how chunks travel, and which of its ideas HTTP itself forbids us to refuse."""

import gzip
import hashlib
import json
import random
from typing import Any
from urllib.parse import quote

import schemathesis

from migration.values.digests import to_wire

UNKNOWN = "unknown-property"
LONGEST_QUERY = 2_000
"""Web servers refuse longer addresses by themselves, before we see them."""


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: Any, value: Any) -> bytes:
    """Send a chunk's body as it was made up."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out what never reaches us, and unknown headers and parameters: a server ignores those (RFC 9110, 5.1)."""
    if len(quote(str(case.query or ""))) > LONGEST_QUERY:
        return False
    return not any(UNKNOWN in name for part in (case.headers, case.query) for name in (part or {}))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Let every other well-formed chunk be what its headers say: made-up ones never get beyond the checksum."""
    if case.operation.definition.raw.get("operationId") != "chunks_put" or not _is_positive(case):
        return
    dice = random.Random(str(case.path_parameters))
    if dice.random() < 0.5:
        return
    entries = [[f"todo:{dice.randrange(50)}", json.dumps({"n": dice.random()})] for _ in range(dice.randrange(1, 6))]
    payload = "".join(json.dumps(pair, separators=(",", ":"), ensure_ascii=False) + "\n" for pair in entries).encode()
    case.headers.update(
        {
            "Migration-Entries": str(len(entries)),
            "Migration-Bytes": str(len(payload)),
            "Migration-Sha256": to_wire(hashlib.sha256(payload).digest()),
            "Content-Encoding": "gzip",
        }
    )
    case.body = gzip.compress(payload)


def _is_positive(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive
