"""How things look on a page. Everything that came from a browser goes through `visible` and is escaped."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from migration.values.visible import LONGEST, visible

__all__ = ["LONGEST", "visible"]  # what pages take from here although it lies below

NOTHING = "\u2013"
"""What stands where there is nothing to show."""

_STEPS = ("B", "KiB", "MiB", "GiB", "TiB")


def code(text: str, *, longest: int | None = LONGEST) -> SafeString:
    """Show a key or another hostile string as code."""
    return format_html('<code class="m-code">{}</code>', visible(text, longest=longest))


def badge(state: str) -> SafeString:
    """Show a state as a coloured badge."""
    return format_html('<span class="m-badge m-badge-{}">{}</span>', state, state.replace("_", " "))


def bar(percentage: float, *, label: str = "progress") -> SafeString:
    """Show a percentage as a bar with its number."""
    return format_html(
        '<span class="m-bar"><progress max="100" value="{}" aria-label="{}"></progress> <span>{}</span></span>',
        percentage,
        label,
        f"{percentage:.0f} %",
    )


def size(count: int | None) -> str:
    """Return a number of bytes as people read it."""
    if count is None:
        return NOTHING
    amount, step = float(count), 0
    while amount >= 1024 and step < len(_STEPS) - 1:
        amount, step = amount / 1024, step + 1
    return f"{amount:.0f}\u00a0{_STEPS[step]}" if step == 0 or amount >= 10 else f"{amount:.1f}\u00a0{_STEPS[step]}"


def number(count: int | None) -> str:
    """Return a count with its thousands set apart."""
    return NOTHING if count is None else f"{count:,}".replace(",", "\u202f")


def moment(at: datetime | None) -> SafeString | str:
    """Show a moment so that moments below each other can be compared."""
    return format_html('<span class="m-when">{}</span>', at.strftime("%Y-%m-%d %H:%M:%S")) if at else NOTHING


def stacked(above: Any, below: Any) -> SafeString:
    """Show two things in one cell, the second one smaller."""
    return format_html('<span class="m-stack">{}<small>{}</small></span>', above, below)


def short(identifier: UUID | str | None) -> str:
    """Return the first eight characters of an id: what people compare and type."""
    return str(identifier)[:8] if identifier else NOTHING


def link(to: str, text: str, *, title: str = "") -> SafeString:
    """Show a link within the admin."""
    return format_html('<a href="{}" title="{}">{}</a>', to, title, text)


def link_to(model: str, identifier: Any, text: str | None = None) -> SafeString | str:
    """Show a link to an object's page."""
    if identifier is None:
        return NOTHING
    address = reverse(f"admin:migration_{model}_change", args=[identifier])
    return link(address, text or short(identifier), title=str(identifier))


def listed(model: str, text: str, **filters: Any) -> SafeString:
    """Show a link to a filtered list."""
    return link(f"{reverse(f'admin:migration_{model}_changelist')}?{urlencode(filters)}", text)


def joined(links: Iterable[SafeString]) -> SafeString:
    """Show links side by side."""
    return format_html_join(" · ", "{}", ((one,) for one in links))


def as_json(data: Any) -> SafeString:
    """Show data as indented JSON."""
    return format_html('<pre class="m-pre">{}</pre>', visible_lines(json.dumps(data, indent=2, ensure_ascii=False)))


def visible_lines(text: str) -> str:
    """Return text that may go over several lines, with what cannot be seen written out."""
    return "\n".join(visible(line, longest=None) for line in text.split("\n"))
