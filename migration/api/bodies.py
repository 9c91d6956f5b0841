"""Request bodies as typed values. JSON is read whole, bounded, and strictly: no unknown or repeated members."""

import base64
import binascii
import hashlib
import json
import re
import uuid
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from rest_framework import exceptions
from rest_framework.request import Request

from migration.api.problems import InvalidJson
from migration.config import setting
from migration.errors import BodyInvalid, ManifestInvalid, TooLarge
from migration.orchestration.deciding import Decision
from migration.orchestration.intake import Parcel
from migration.orchestration.ordering import RunOrder
from migration.orchestration.writing import Op
from migration.uploads import ChunkHead
from migration.values.collections import PatternsInvalid, compile_labels
from migration.values.digests import from_wire
from migration.values.lines import literal, text_of
from migration.values.manifests import BucketName, Buckets, Hash, Manifest, Name, Patterns

Body = TypeVar("Body", bound=Struct)
Number = Annotated[int, Meta(ge=0, le=2**53)]
Policy = Literal["INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE"]


class Session(Struct, forbid_unknown_fields=True):
    """A guest asks for a token. `guest` is the base64url of 32 random bytes the browser keeps.

    `anew` is the choice of a guest who was erased to begin with nothing.
    """

    app_key: Annotated[str, Meta(max_length=64)]
    guest: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
    anew: bool = False


class Options(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The options a run was started with."""

    conflictResolution: Policy | None = None  # noqa: N815 - the SDK's spelling
    backupBeforeMigration: bool | None = None  # noqa: N815 - as above
    validateAfterMigration: bool | None = None  # noqa: N815 - as above
    continueOnError: bool | None = None  # noqa: N815 - as above
    batchSize: Annotated[int, Meta(ge=1, le=10_000)] | None = None  # noqa: N815 - as above
    retryAttempts: Annotated[int, Meta(ge=0, le=1_000)] | None = None  # noqa: N815 - as above
    onValidationFailure: Literal["repair", "offer", "rollback"] | None = None  # noqa: N815 - as above


class ChunkBody(Struct, forbid_unknown_fields=True):
    """A chunk that travels inside the creating request; `data` is standard base64 of the body."""

    id: uuid.UUID
    seq: Number
    entries: Number
    bytes: Number
    sha256: Hash
    encoding: Literal["gzip", "identity"]
    data: str


class CreateRun(Struct, forbid_unknown_fields=True):
    """A run is created. Its `id` is made by the device and is the idempotency key."""

    id: uuid.UUID
    manifest: Manifest
    purpose: Literal["migrate", "backup"] = "migrate"
    dry_run: bool = False
    options: Options = msgspec.field(default_factory=Options)
    chunks: Annotated[list[ChunkBody], Meta(max_length=256)] = []
    seal: bool = False

    def order(self) -> RunOrder:
        """Return what intake is asked for. Raises BodyInvalid when a chunk's data is not base64."""
        return RunOrder(
            id=self.id,
            purpose=self.purpose,
            dry_run=self.dry_run,
            options=msgspec.to_builtins(self.options),
            manifest=self.manifest,
            digest=self._digest(),
            parcels=[_parcel(chunk) for chunk in self.chunks],
            seal=self.seal,
        )

    def _digest(self) -> bytes:
        """The chunks' data is left out: their hashes say what is in them, however it was compressed."""
        said = [{**msgspec.structs.asdict(chunk), "data": None, "encoding": None} for chunk in self.chunks]
        whole = [self.id, self.manifest, self.purpose, self.dry_run, self.options, said, self.seal]
        return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).digest()


class SealRun(Struct, forbid_unknown_fields=True):
    """A run's upload is sealed under this manifest."""

    manifest: Manifest


class CollectionBuckets(Struct, forbid_unknown_fields=True):
    """What the browser holds of one collection: a digest for each bucket."""

    name: Name
    patterns: Patterns
    buckets: Buckets


class Holdings(Struct, forbid_unknown_fields=True):
    """What the browser holds, to be compared with what the server does."""

    collections: Annotated[list[CollectionBuckets], Meta(max_length=200)]

    def listed(self) -> list[dict[str, Any]]:
        """Return the collections as plain members. Raises BodyInvalid when their patterns cannot be used."""
        try:
            compile_labels([(one.name, one.patterns) for one in self.collections])
        except PatternsInvalid as error:
            raise BodyInvalid(str(error)) from error
        if len({one.name for one in self.collections}) != len(self.collections):
            raise BodyInvalid("Two collections have the same name.")
        return [msgspec.structs.asdict(one) for one in self.collections]


class Keys(Struct, forbid_unknown_fields=True):
    """Keys to be read, each as its canonical JSON literal."""

    keys: Annotated[list[str], Meta(min_length=1, max_length=100)]

    def canonical(self) -> list[str]:
        """Return the keys. Raises BodyInvalid for what is no string's literal, or not its canonical one."""
        for key in self.keys:
            try:
                same = literal(text_of(key)).decode() == key
            except (ValueError, TypeError, RecursionError):
                same = False
            if not same:
                raise BodyInvalid("A key is not the canonical JSON literal of a string.")
        return self.keys


class RecordHoldings(Holdings):
    """What the browser holds, to be compared with the records from the bucket `first` on."""

    first: BucketName = "00"


class OpBody(Struct, forbid_unknown_fields=True):
    """One write: the device's number of it, the entry's canonical line as text, and the revision it is based on."""

    seq: Number
    line: str
    base: Number | None = None


class Ops(Struct, forbid_unknown_fields=True):
    """A device's writes. `timeline` is the one the bases are of.

    `confirmed`: a person has said that keys are to be deleted, however many.
    """

    ops: Annotated[list[OpBody], Meta(min_length=1, max_length=500)]
    timeline: Annotated[str, Meta(max_length=64)] | None = None
    confirmed: bool = False

    def listed(self) -> list[Op]:
        """Return what is to be written. Raises BodyInvalid when two ops have the same number."""
        if len({one.seq for one in self.ops}) != len(self.ops):
            raise BodyInvalid("Two ops have the same seq.")
        return [Op(one.seq, one.line.encode(), one.base) for one in self.ops]


class DecisionOrder(Struct, forbid_unknown_fields=True):
    """What is to stand of a conflict: what arrived, what the server held, or this line, of the same key."""

    choice: Literal["local", "remote", "custom"]
    line: str | None = None

    def decision(self) -> Decision:
        """Return the choice. Raises BodyInvalid for a line that goes with no choice of one's own, or lacks."""
        if (self.choice == "custom") != (self.line is not None):
            raise BodyInvalid("A line belongs to the choice `custom`, and to no other.")
        return Decision(self.choice, self.line)


class TicketOrder(Struct, forbid_unknown_fields=True):
    """A socket ticket is asked for, of one run or of the owner."""

    run: uuid.UUID | None = None


class PointOrder(Struct, forbid_unknown_fields=True):
    """A rollback point is named."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]


class RollbackOrder(Struct, forbid_unknown_fields=True):
    """A rollback or an undo is asked for, once per key."""

    idempotency_key: uuid.UUID


class PointRollbackOrder(Struct, forbid_unknown_fields=True):
    """A rollback to a point is asked for, once per key: of everything, of one collection, or of one record by its key.

    `key_json` is the key as a JSON string literal.
    """

    idempotency_key: uuid.UUID
    collection: str | None = None
    key_json: str | None = None


class ErasureOrder(Struct, forbid_unknown_fields=True):
    """Everything of the owner is to be erased for good; the word keeps that from happening by accident."""

    confirm: Literal["erase"]


def announced_length(request: Request) -> int | None:
    """Return how long the body is said to be, None when it does not say."""
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def read_body(request: Request, *, limit: int) -> bytes:
    """Return the raw body. Raises TooLarge before more than `limit` bytes are taken."""
    announced = announced_length(request)
    if announced is not None and announced > limit:
        raise TooLarge(f"The body may have {limit} bytes.", limit=limit)
    # Django reads no further than an announced length; without one (chunked) this is the bound.
    body = bytes(request.read(limit + 1))
    if len(body) > limit:
        raise TooLarge(f"The body may have {limit} bytes.", limit=limit)
    return body


def parse(request: Request, kind: type[Body], *, limit: int | None = None) -> Body:
    """Return the JSON body, of at most `limit` bytes (default: CREATE_BYTES), as `kind`.

    Raises InvalidJson, BodyInvalid (ManifestInvalid inside a manifest), TooLarge, UnsupportedMediaType.
    """
    raw = _read_json(request, limit=limit or int(setting("CREATE_BYTES")))
    whole = _load(raw)
    if b"\\u0000" in raw and "\\u0000" in json.dumps(whole).replace("\\\\", ""):
        raise BodyInvalid("No text in a body may hold U+0000.")
    try:
        body = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _explained(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidJson from error
    return body


def parse_texts(request: Request, kind: type[Body], *, limit: int) -> Body:
    r"""Return a JSON body with texts for people to look at: what Postgres cannot hold is written out as `\uXXXX`.

    Where values are cut, half a character may be left of one. Raises as `parse`.
    """
    whole = _written_out(_load(_read_json(request, limit=limit)))
    try:
        return msgspec.convert(whole, type=kind)
    except msgspec.ValidationError as error:
        raise _explained(error) from error


_UNHELD = re.compile("[\x00\ud800-\udfff]")


def _written_out(value: Any) -> Any:
    if isinstance(value, str):
        return _UNHELD.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    if isinstance(value, list):
        return [_written_out(one) for one in value]
    if isinstance(value, dict):
        return {_written_out(name): _written_out(one) for name, one in value.items()}
    return value


def _read_json(request: Request, *, limit: int) -> bytes:
    if (request.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise exceptions.UnsupportedMediaType(request.content_type or "none")
    return read_body(request, limit=limit)


def _load(raw: bytes) -> dict[str, Any]:
    """Read the whole object, refusing what typed reading lets pass: repeated members and NaN."""
    try:
        whole = json.loads(raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidJson from error
    if not isinstance(whole, dict):
        raise BodyInvalid("The body is not a JSON object.")
    return whole


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _explained(error: msgspec.ValidationError) -> BodyInvalid | ManifestInvalid:
    """Say where the body is wrong; msgspec names places and types but quotes member names only."""
    text = str(error)[:300]
    if "$.manifest" in text:
        return ManifestInvalid(text)
    return BodyInvalid(text)


def _parcel(chunk: ChunkBody) -> Parcel:
    try:
        body = base64.b64decode(chunk.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BodyInvalid("A chunk's data is not base64.", chunk=str(chunk.id)) from error
    head = ChunkHead(chunk.id, chunk.seq, chunk.entries, chunk.bytes, from_wire(chunk.sha256), chunk.encoding)
    return Parcel(head, body)
