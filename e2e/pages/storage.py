"""A page's localStorage, read and written code unit by code unit."""

import hashlib
import json
from collections.abc import Mapping
from typing import cast

from playwright.sync_api import Page

from e2e.ledger import normal
from migration.values.lines import encode_line

# What travels between here and the page is ASCII: lone surrogates do not survive as anything else.
_WRITE = """text => {
    for (const [key, value] of JSON.parse(text)) Storage.prototype.setItem.call(localStorage, key, value);
}"""
# `key(i)` names what `Object.keys` hides, but takes quadratic time in Firefox; there are few such names.
_PAIRS = """
    const keys = new Set(Object.keys(localStorage));
    for (let i = 0; keys.size < Storage.prototype.__lookupGetter__('length').call(localStorage); i += 1)
        keys.add(Storage.prototype.key.call(localStorage, i));
    const pairs = [...keys].map((key) => [key, Storage.prototype.getItem.call(localStorage, key)]);
"""
_READ = f"""() => {{ {_PAIRS}
    return JSON.stringify(pairs).replace(
        /[^\\x00-\\x7f]/g, (unit) => '\\\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'));
}}"""
_DIGEST = f"""async () => {{ {_PAIRS}
    const lines = pairs.sort(([one], [other]) => (one < other ? -1 : 1)).map((pair) => JSON.stringify(pair));
    const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(lines.join('\\n')));
    return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, '0')).join('');
}}"""


class LocalStorage:
    """The storage of a page's origin."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def write(self, entries: Mapping[str, str]) -> None:
        """Put entries in, as the page itself would."""
        self._page.evaluate(_WRITE, json.dumps(list(entries.items())))

    def remove(self, *keys: str) -> None:
        """Take entries out."""
        self._page.evaluate("keys => keys.forEach((key) => localStorage.removeItem(key))", list(keys))

    def is_just(self, entries: Mapping[str, str]) -> bool:
        """Tell whether it holds these and nothing else, by a digest made in the page: what is large stays there."""
        lines = sorted(entries.items(), key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        whole = b"\n".join(encode_line(key, value) for key, value in lines)
        return bool(self._page.evaluate(_DIGEST) == hashlib.sha256(whole).hexdigest())

    def read(self) -> dict[str, str]:
        """Return everything in it."""
        pairs = cast("list[tuple[str, str]]", json.loads(self._page.evaluate(_READ)))
        return {normal(key): normal(value) for key, value in pairs}
