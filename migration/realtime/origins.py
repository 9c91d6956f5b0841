"""From which pages a socket may be opened. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit


def origin_allowed(origin: str | None, *, allowed: Iterable[str]) -> bool:
    """Tell whether a page of `origin` may open the socket: one of `allowed`, character for character.

    No origin at all is no browser's page (browsers always send one, `null` included); the ticket alone decides then.
    """
    return origin is None or origin in set(allowed)


def is_own_origin(origin: str | None, *, host: str | None) -> bool:
    """Tell whether `origin` is a page of this very server, reached under the name `host`: the admin's pages."""
    if origin is None or not host:
        return False
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and origin == f"{parts.scheme}://{host}"
