"""Text that came from a browser, with everything invisible written out. Pure."""

import unicodedata

LONGEST = 120
"""Characters of a key shown in a list."""

# Unseen, they could turn a line around, hide a part of it, or break the page's encoding (lone surrogates).
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str, *, longest: int | None = LONGEST) -> str:
    r"""Return `text` with what cannot be seen written as `\uXXXX`, cut to `longest`. Escaping is the template's."""
    cut = text if longest is None or len(text) <= longest else text[:longest] + "…"
    return "".join(_escape(unit) if unicodedata.category(unit) in _UNSEEN else unit for unit in cut)


def _escape(unit: str) -> str:
    point = ord(unit)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\u{{{point:x}}}"
