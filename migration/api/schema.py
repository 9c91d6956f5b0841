"""The OpenAPI description: operations are described beside their views, shapes come from the typed values."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import Struct

from migration.api import answers
from migration.api.problems import STATUSES

View = TypeVar("View", bound=Callable[..., Any])
Shape = type[Struct] | None
Query = str | tuple[dict[str, Any], str]
"""What a query parameter means, with its JSON Schema unless it is any text."""

_REF = "#/components/schemas/{name}"
_shapes: dict[str, type[Struct]] = {"Problem": answers.Problem}

EVERYWHERE = ("internal_error", "unavailable", "not_acceptable")
OWNED = (
    *("unauthenticated", "app_disabled", "origin_not_allowed", "stale_epoch", "rate_limited", "invalid_body"),
    "erased",
)
BODY = ("invalid_json", "invalid_body", "too_large", "unsupported_media_type")
CHUNK = (
    *("checksum_mismatch", "encoding_invalid", "inflate_limit", "line_form", "entry_count", "sensitive_item"),
    *("too_large", "unsupported_media_type", "run_expired", "fence_superseded", "over_quota"),
)


def operation(
    name: str,
    *,
    answer: Mapping[int, Shape],
    body: Shape = None,
    errors: Sequence[str] = (),
    headers: Sequence[str] = (),
    query: Mapping[str, Query] | None = None,
    owned: bool = True,
    raw: tuple[str, str] | None = None,
    page: str | None = None,
) -> Callable[[View], View]:
    """Describe one operation: its shapes, its error codes, its headers; `raw` is a body or answer that is not JSON.

    `raw` is ("request" or "answer", media type); `query` says what each parameter means; `page` describes the answer
    as HTML, where it can be had so.
    """
    codes = {*EVERYWHERE, *errors, *(OWNED if owned else ()), *(BODY if body else ())}
    media = raw[1] if raw and raw[0] == "answer" else "application/json"
    responses: dict[Any, Any] = {(status, media): _described(shape, raw) for status, shape in answer.items()}
    if page:
        responses[200, "text/html"] = OpenApiResponse({"type": "string"}, page)
    for status in sorted({STATUSES[code] for code in codes}):
        listed = ", ".join(f"`{code}`" for code in sorted(codes) if STATUSES[code] == status)
        responses[(status, "application/json")] = OpenApiResponse(_reference(answers.Problem), listed)
    request: Any = {"application/json": _reference(body)} if body else None
    if raw and raw[0] == "request":
        request = {raw[1]: {"type": "string", "format": "binary"}}
    parameters = [_header(header) for header in (*headers, *(_OWNERS if owned else ()))]
    parameters += [_asked(key, meaning) for key, meaning in (query or {}).items()]
    auth: Any = [{"bearer": []}] if owned else [{}]
    decorate: Callable[[View], View] = extend_schema(
        operation_id=name,
        request=request,
        responses=responses,
        parameters=parameters,
        auth=auth,
        tags=[name.split("_", maxsplit=1)[0]],
    )
    return decorate


_OWNERS = ("Migration-Device", "Migration-Epoch", "Migration-Fence")
MOST = 2**53
WHOLE = {"type": "integer", "minimum": 0, "maximum": MOST}
"""JSON Schema of a whole number as headers and queries may hold it."""
_DIGEST = {"type": "string", "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"}
_EPOCH = {"type": "string", "pattern": r"^[0-9]{1,18}\.[0-9]{1,18}$", "example": "1.1"}
_HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "Migration-App": ({"type": "string"}, "the app's publishable key; not needed with a bearer token"),
    "Migration-Device": ({"type": "string", "format": "uuid"}, "id of the browser profile, made by the SDK"),
    "Migration-Epoch": (_EPOCH, "the epoch the device was told last, `app.owner`; an older one answers 409"),
    "Migration-Fence": (WHOLE, "the leading tab's fence; a lower one than seen before answers 423"),
    "Migration-Seq": (WHOLE, "the device's sequence number, shared by all entries of the chunk"),
    "Migration-Entries": (WHOLE, "number of lines"),
    "Migration-Bytes": (WHOLE, "length of the payload once inflated"),
    "Migration-Sha256": (_DIGEST, "base64url SHA-256 of the payload once inflated"),
    "Migration-Reason": (
        {"type": "string", "pattern": "^[a-z0-9_]{1,40}$"},
        "why the device cut the chunk to this size, as a short code; shown in reports",
    ),
    "Content-Encoding": ({"type": "string", "enum": ["gzip", "identity"]}, "how the body is compressed"),
    "If-None-Match": ({"type": "string"}, "the ETag of the configuration the browser has"),
}
_NEEDED = {f"Migration-{name}" for name in ("Seq", "Entries", "Bytes", "Sha256")}


def _header(name: str) -> OpenApiParameter:
    shape, text = _HEADERS[name]
    return OpenApiParameter(name, shape, OpenApiParameter.HEADER, required=name in _NEEDED, description=text)


def _asked(name: str, meaning: Query) -> OpenApiParameter:
    shape, text = ({"type": "string"}, meaning) if isinstance(meaning, str) else meaning
    return OpenApiParameter(name, shape, OpenApiParameter.QUERY, description=text)


def _reference(shape: type[Struct]) -> dict[str, str]:
    _shapes[shape.__name__] = shape
    return {"$ref": _REF.format(name=shape.__name__)}


def _described(shape: Shape, raw: tuple[str, str] | None) -> Any:
    if raw and raw[0] == "answer":
        return OpenApiResponse({"type": "string", "format": "binary"}, description=raw[1])
    if shape is None:
        return OpenApiResponse(description="No body.")
    return OpenApiResponse(_reference(shape), description=(shape.__doc__ or "").strip().split("\n")[0])


@cache
def openapi() -> dict[str, Any]:
    """Return the whole description."""
    from migration.api.urls import documented

    generator: Any = SchemaGenerator
    described: dict[str, Any] = generator(patterns=documented()).get_schema(request=None, public=True)
    _, components = msgspec.json.schema_components(list(_shapes.values()), ref_template=_REF)
    for address in described["paths"].values():
        for one in address.values():
            if "requestBody" in one:
                one["requestBody"]["required"] = True  # said by drf-spectacular of serializers only
    described["components"] = {
        "schemas": components,
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
    return described
