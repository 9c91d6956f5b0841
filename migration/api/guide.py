"""The guide to error codes: one page of Markdown a code, kept in `migration/guide/errors`, shown as a web page."""

from functools import cache
from pathlib import Path

import migration
from migration.errors import NotFound

PAGES = Path(migration.__file__).parent / "guide" / "errors"
ADDRESS = "/api/v1/docs/errors"

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title} · syncserver</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem }}
code {{ font: .92em ui-monospace, monospace; background: color-mix(in srgb, currentColor 9%, transparent);
        padding: .1em .3em; border-radius: .25em }}
li {{ margin: .3em 0 }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def codes() -> list[str]:
    """Return every code that has a page."""
    return sorted(path.stem for path in PAGES.glob("*.md"))


@cache
def error_page(code: str) -> str:
    """Return the page of one code as HTML. Raises NotFound for a code that has none."""
    # Compared with the names there are, so that no address reaches for another file.
    if code not in codes():
        raise NotFound(f"There is no error code of this name; {ADDRESS} lists all.")
    text = (PAGES / f"{code}.md").read_text()
    return _SHELL.format(title=code, body=f'<p><a href="{ADDRESS}">All codes</a></p>\n{_html(text)}')


@cache
def index_page() -> str:
    """Return the list of all codes as HTML."""
    listed = "\n".join(f"- [`{code}`]({ADDRESS}/{code}): {meaning(code)}" for code in codes())
    return _SHELL.format(title="Error codes", body=_html(f"# Error codes\n\n{listed}"))


def meaning(code: str) -> str:
    """Return the first paragraph of a code's page, in Markdown."""
    return " ".join((PAGES / f"{code}.md").read_text().split("\n\n")[1].split())


def _html(text: str) -> str:
    from markdown_it import MarkdownIt  # here: most processes never show a page of it

    rendered: str = MarkdownIt("commonmark", {"html": False}).render(text)
    return rendered
