"""Seeded localStorage snapshots of end-user apps: about 420 bytes a record, 40 to 200 keys a user.

The mix: todos 32 %, notes 16, small facts 16, drafts 9, settings 8, carts 8, histories 7, data URLs 4. One object in a
thousand carries an escaped lone surrogate, as real pages do that cut a string in the middle of an emoji.
"""

import base64
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

Snapshot = dict[str, str]

_WORDS = (  # noqa: SIM905 - forty words on forty lines would be no easier to read
    "plan note list buy call milk bread train ticket rent doctor garden paint bike school invoice meeting draft idea"
    " café naïve señor überall źródło 会議 買い物 資料 заметка проект задача weekend lamp key phone hotel budget"
).split()
_MARKS = ["😀", "🎉", "🚀", "✅", "👩‍💻", "🍕", "📌"]
_START_MS = 1_760_000_000_000
_LONE_EVERY = 1000


class _Writer:
    """Makes values of each kind from one source of randomness."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def words(self, length: int) -> str:
        picked: list[str] = []
        size = 0
        while size < length:
            word = self.source.choice(_MARKS if self.source.random() < 0.03 else _WORDS)
            picked.append(word)
            size += len(word) + 1
        return " ".join(picked)[:length]

    def uuid(self) -> str:
        return str(UUID(int=self.source.getrandbits(128), version=4))

    def moment(self) -> int:
        return _START_MS + self.source.randrange(3 * 10**10)

    def iso(self) -> str:
        return datetime.fromtimestamp(self.moment() / 1000, UTC).isoformat(timespec="milliseconds")

    def todo(self) -> object:
        return {
            "id": self.uuid(),
            "title": self.words(self.source.randint(10, 60)),
            "done": self.source.random() < 0.4,
            "tags": self.source.sample(["home", "work", "🔥", "later", "家"], self.source.randint(0, 3)),
            "createdAt": self.iso(),
            "due": self.source.choice([None, self.iso()]),
            "order": self.source.random() * 1000,
        }

    def note(self) -> object:
        return {
            "title": self.words(self.source.randint(5, 40)),
            "body": self.words(min(2000, int(200 + self.source.expovariate(1 / 330)))),
            "pinned": self.source.random() < 0.1,
            "updatedAt": self.moment(),
        }

    def fact(self) -> object:
        return self.source.choice([self.moment(), self.iso(), True, None, self.source.random(), str(self.moment())])

    def draft(self) -> object:
        return self.words(self.source.randint(40, 500))

    def settings(self) -> object:
        flags = {f"flag{place}": self.source.random() < 0.5 for place in range(self.source.randint(2, 12))}
        return {"theme": self.source.choice(["dark", "light"]), "fontSize": self.source.randint(10, 20), "flags": flags}

    def cart(self) -> object:
        return {"currency": "EUR", "items": [self._item() for _ in range(self.source.randint(1, 6))]}

    def _item(self) -> object:
        source = self.source
        return {
            "sku": f"SKU-{source.randint(1, 99_999):05d}",
            "qty": source.randint(1, 5),
            "price": round(source.random() * 200, 2),
            "name": self.words(18),
        }

    def history(self) -> object:
        source, now = self.source, self.moment()
        return [
            {
                "t": now - step * 60_000,
                "p": f"/page/{source.randint(1, 500)}",
                "d": [source.randint(0, 99), source.random()],
            }
            for step in range(source.randint(3, 14))
        ]

    def image(self) -> object:
        return (
            "data:image/png;base64," + base64.b64encode(self.source.randbytes(self.source.randint(100, 800))).decode()
        )


_MIX = (
    ["todo"] * 32
    + ["note"] * 16
    + ["fact"] * 16
    + ["draft"] * 9
    + ["settings"] * 8
    + ["cart"] * 8
    + ["history"] * 7
    + ["image"] * 4
)


def snapshot(seed: int, *, keys: int | None = None) -> Snapshot:
    """Return one user's localStorage; `keys` fixes its size (40 to 200 otherwise)."""
    source = random.Random(seed)
    writer = _Writer(source)
    return dict(_entries(writer, source.randint(40, 200) if keys is None else keys))


def _entries(writer: _Writer, keys: int) -> Iterator[tuple[str, str]]:
    source = writer.source
    for place in range(keys):
        kind = source.choice(_MIX)
        make: Callable[[], object] = getattr(writer, kind)
        value = json.dumps(make(), ensure_ascii=False, separators=(",", ":"))
        if value.startswith("{") and source.randrange(_LONE_EVERY) == 0:
            value = value[:-1] + ',"cut":"\\ud83d"}'
        key = f"app.{kind}.{place}" if source.random() < 0.8 else f"{kind}/{source.getrandbits(40):x}"
        yield key, value
