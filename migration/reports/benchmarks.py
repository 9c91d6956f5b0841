"""What measured results say: which strategy to choose, what it saves, how cost grows, what became slower. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from migration.reports import plots
from migration.reports.page import POLICY, STYLE

Result = Mapping[str, Any]
_MILLION = 1_000_000
_CLOSE = 1.05
"""A way that is not faster than this many times another is not worth another setting."""


def analyse(result: Result, *, current: str) -> list[dict[str, Any]]:
    """Return for each case the strategy to choose, why, and what it saves against `current` per million records.

    With `auto` as current the ways `auto` may choose among are one worker's; the saving is against the best of them.
    """
    return [_advice(case, rows, current) for case, rows in _by_case(result["rows"]).items()]


def compare(before: Result, after: Result, *, tolerance: float) -> list[dict[str, Any]]:
    """Return each row both results have, with how many times as fast it is after; `slower` beyond the tolerance."""
    known = {_key(row): row for row in before["rows"]}
    pairs = [(known[_key(row)], row) for row in after["rows"] if _key(row) in known]
    return [
        {
            "strategy": row["strategy"],
            "case": row["case"],
            "records": row["records"],
            "workers": row["workers"],
            "before": old["records_per_second"],
            "after": row["records_per_second"],
            "ratio": round(row["records_per_second"] / max(1, old["records_per_second"]), 3),
            "slower": row["records_per_second"] * (1 + tolerance) < old["records_per_second"],
        }
        for old, row in pairs
    ]


def page(result: Result) -> str:
    """Return how cost grows with size and workers as one HTML page that needs nothing else."""
    drawn = [
        plots.bars(title=f"{case}: time of a record", unit="µs", values=_costs(rows))
        for case, rows in _by_case(result["rows"]).items()
    ]
    facts = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Scalability</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"><style>{STYLE}</style></head>'
        f"<body><h1>How the cost of loading grows</h1><p>{escape(facts)}; {escape(str(result['at']))}</p>"
        f"{''.join(drawn)}</body></html>"
    )


def _advice(case: str, rows: Sequence[Result], current: str) -> dict[str, Any]:
    best = max(rows, key=lambda row: row["records_per_second"])
    mine = [row for row in rows if row["strategy"] == current] or [row for row in rows if row["workers"] == 1] or rows
    now = max(mine, key=lambda row: row["records_per_second"])
    ratio = best["records_per_second"] / max(1, now["records_per_second"])
    saved = _MILLION / max(1, now["records_per_second"]) - _MILLION / max(1, best["records_per_second"])
    chosen = best if ratio > _CLOSE else now
    reason = (
        f"{chosen['strategy']} brings {chosen['records_per_second']} records a second, {now['strategy']} "
        f"{now['records_per_second']}"
        if chosen is best
        else f"nothing is more than {100 * (_CLOSE - 1):.0f} % faster than {now['strategy']}"
    )
    return {
        "case": case,
        "recommendation": chosen["strategy"],
        "workers": chosen["workers"],
        "reason": reason,
        "saves_seconds_per_million": round(saved, 1) if chosen is best else 0.0,
    }


def _by_case(rows: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for row in rows:
        found.setdefault(row["case"], []).append(row)
    return found


def _costs(rows: Sequence[Result]) -> dict[str, float]:
    return {
        f"{row['strategy']}, {row['workers']} at work, {row['records']}": _MILLION / max(1, row["records_per_second"])
        for row in rows
    }


def _key(row: Result) -> tuple[str, str, int, int]:
    return row["strategy"], row["case"], row["records"], row["workers"]
