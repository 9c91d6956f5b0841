"""The OpenAPI description: operations are described beside their views, shapes come from the typed values.

Loaded when it is asked for: what makes descriptions weighs two megabytes, and few processes are ever asked.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import Struct

from migration.api import answers
from migration.api.problems import STATUSES
from migration.api.schema import WHOLE, Query, Shape, operation
from migration.api.urls import documented

_REF = "#/components/schemas/{name}"
_shapes: dict[str, type[Struct]] = {"Problem": answers.Problem}

_OWNERS = ("Migration-Device", "Migration-Epoch", "Migration-Fence")
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


@cache
def openapi() -> dict[str, Any]:
    """Return the whole description."""
    for view, said in _operations(documented()):
        _describe(view, said)
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


def _operations(patterns: list[URLPattern | URLResolver]) -> Iterator[tuple[Any, operation]]:
    """Yield the methods of views that are described, with what they say."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _operations(pattern.url_patterns)
            continue
        view: Any = pattern.callback
        methods: list[Any] = [getattr(view.cls, name, None) for name in view.cls.http_method_names]
        yield from ((method, method.operation) for method in methods if hasattr(method, "operation"))


def _describe(view: Any, said: operation) -> None:
    """Leave with a method what drf-spectacular reads there."""
    extend_schema(
        operation_id=said.name,
        request=_request(said),
        responses=_responses(said),
        parameters=[
            *(_header(header) for header in (*said.headers, *(_OWNERS if said.owned else ()))),
            *(_asked(key, meaning) for key, meaning in said.query.items()),
        ],
        auth=[{"bearer": []}] if said.owned else [{}],  # type: ignore[list-item] # it says: strings only
        tags=[said.name.split("_", maxsplit=1)[0]],
    )(view)


def _request(said: operation) -> Any:
    if said.raw and said.raw[0] == "request":
        return {said.raw[1]: {"type": "string", "format": "binary"}}
    return {"application/json": _reference(said.body)} if said.body else None


def _responses(said: operation) -> Any:
    media = said.raw[1] if said.raw and said.raw[0] == "answer" else "application/json"
    responses: dict[Any, Any] = {(status, media): _answered(shape, said) for status, shape in said.answer.items()}
    if said.page:
        responses[200, "text/html"] = OpenApiResponse({"type": "string"}, said.page)
    for status in sorted({STATUSES[code] for code in said.codes}):
        listed = ", ".join(f"`{code}`" for code in sorted(said.codes) if STATUSES[code] == status)
        responses[(status, "application/json")] = OpenApiResponse(_reference(answers.Problem), listed)
    return responses


def _answered(shape: Shape, said: operation) -> OpenApiResponse:
    if said.raw and said.raw[0] == "answer":
        return OpenApiResponse({"type": "string", "format": "binary"}, description=said.raw[1])
    if shape is None:
        return OpenApiResponse(description="No body.")
    return OpenApiResponse(_reference(shape), description=(shape.__doc__ or "").strip().split("\n")[0])


def _reference(shape: type[Struct]) -> dict[str, str]:
    _shapes[shape.__name__] = shape
    return {"$ref": _REF.format(name=shape.__name__)}


def _header(name: str) -> OpenApiParameter:
    shape, text = _HEADERS[name]
    return OpenApiParameter(name, shape, OpenApiParameter.HEADER, required=name in _NEEDED, description=text)


def _asked(name: str, meaning: Query) -> OpenApiParameter:
    shape, text = ({"type": "string"}, meaning) if isinstance(meaning, str) else meaning
    return OpenApiParameter(name, shape, OpenApiParameter.QUERY, description=text)
