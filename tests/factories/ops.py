"""Ops as a device sends them."""

import json
from dataclasses import dataclass, field
from typing import Any

from migration.values.lines import encode_line
from tests.factories.doors import Browser


def line(key: str, value: str | None) -> str:
    """Return an entry's canonical line as it travels in an op; None deletes."""
    return encode_line(key, value).decode()


def entry_of(line: str) -> tuple[str, str | None]:
    """Return the entry a line stands for."""
    key, *value = json.loads(line)
    return key, value[0] if value else None


@dataclass
class Writer:
    """A device that writes: it numbers its ops and remembers what it was told."""

    browser: Browser
    seq: int = 0
    told: dict[str, int] = field(default_factory=dict)
    """{key: revision it knows of}."""

    def op(self, key: str, value: str | None, *, base: int | None = None) -> dict[str, Any]:
        """Return the next op, not sent yet."""
        self.seq += 1
        return {"seq": self.seq, "line": line(key, value), "base": base}

    def send(self, *ops: dict[str, Any], **members: Any) -> Any:
        """Send ops and return the answer."""
        return self.browser.post("/records", {"ops": list(ops), **members})

    def write(self, key: str, value: str | None, *, base: int | None = None) -> dict[str, Any]:
        """Write one entry and return its outcome."""
        answer = self.send(self.op(key, value, base=base))
        assert answer.status_code == 200, answer.content
        outcome: dict[str, Any] = answer.json()["outcomes"][0]
        return outcome

    def changes(self, since: int = 0, **query: Any) -> dict[str, Any]:
        """Return all changes since a revision as {key: value}."""
        asked = "".join(f"&{name}={value}" for name, value in query.items())
        answer = self.browser.get(f"/records?since={since}{asked}")
        assert answer.status_code == 200, answer.content
        return dict(entry_of(one["line"]) for one in answer.json()["changes"])
