"""How views say what they take and answer: kept beside each view, made OpenAPI of by `openapi` when somebody asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar

from msgspec import Struct

View = TypeVar("View", bound=Callable[..., Any])
Shape = type[Struct] | None
Query = str | tuple[dict[str, Any], str]
"""What a query parameter means, with its JSON Schema unless it is any text."""

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
MOST = 2**53
WHOLE = {"type": "integer", "minimum": 0, "maximum": MOST}
"""JSON Schema of a whole number as headers and queries may hold it."""


@dataclass(frozen=True, slots=True)
class operation:  # noqa: N801 - used as a decorator
    """Describes one operation: its shapes, its error codes, its headers; `raw` is a body or answer that is not JSON.

    `raw` is ("request" or "answer", media type); `query` says what each parameter means; `page` describes the answer
    as HTML, where it can be had so.
    """

    name: str
    _: KW_ONLY
    answer: Mapping[int, Shape]
    body: Shape = None
    errors: Sequence[str] = ()
    headers: Sequence[str] = ()
    query: Mapping[str, Query] = field(default_factory=dict)
    owned: bool = True
    raw: tuple[str, str] | None = None
    page: str | None = None

    def __call__(self, view: View) -> View:
        """Leave the description with a view's method."""
        view.operation = self  # type: ignore[attr-defined] # functions take attributes
        return view

    @property
    def codes(self) -> set[str]:
        """Every error code it may answer with."""
        return {*EVERYWHERE, *self.errors, *(OWNED if self.owned else ()), *(BODY if self.body else ())}
