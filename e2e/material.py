"""Made-up data for the specs, the same in every run."""

import base64
import random


def bulky(count: int = 600, *, size: int = 5_000, seed: int = 1) -> dict[str, str]:
    """Return notes that hardly compress: enough bytes that they travel in several chunks."""
    draw = random.Random(seed)
    raw = size * 3 // 4
    return {f"note:bulk-{n}": base64.b64encode(draw.randbytes(raw)).decode() for n in range(count)}


def travelling(entries: dict[str, str]) -> dict[str, str]:
    """Return what of the demo's own sample may leave the browser."""
    return {key: value for key, value in entries.items() if key != "auth_token"}
