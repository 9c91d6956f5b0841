"""The report of a run as one page that needs nothing else: no script, no font, no address, readable for ever.

What came from a browser or a person has its invisible characters written out, and the template escapes all of it.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from migration.reports import plots
from migration.reports.chunks import rate_points
from migration.values.visible import visible

LONGEST = 300
"""Characters of any text shown."""
STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem;border-bottom:1px solid #8886}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,.n{white-space:nowrap}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top}
thead th{border-bottom:1px solid #8888;font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
tbody tr+tr td{border-top:1px solid #8883}code{font-size:.85em}svg.m-plot{width:100%;height:auto;margin:.5rem 0}
.good{color:#2b8a3e}.bad{color:#d9480f}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}
dt{opacity:.7}dd{margin:0}
"""
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'"
)
"""What the page may do: be read, in its own style. A saved copy carries it too."""


def html_page(report: Mapping[str, Any]) -> str:
    """Return a run's report (as `run_report` makes it) as one HTML page."""
    shown = _readable(report)
    return get_template("migration/report.html").render(
        {
            "report": shown,
            "policy": POLICY,
            # A constant of this module: nothing of anybody stands in it.
            "style": mark_safe(STYLE),  # noqa: S308
            "plots": _plots(report),
            "moved": [{"place": place, **shown["moved"][place]} for place in shown["moved"] if place != "verified"],
            # As pairs: a template would take a member called "items" for the method.
            "collections": [{**one, "types": list(one["types"].items())} for one in shown["collections"]],
            "rules": list((shown["withheld"].get("rules") or {}).items()),
            "timeline": [{**line, "data": _said(line["data"])} for line in shown["timeline"]],
        }
    )


def _plots(report: Mapping[str, Any]) -> dict[str, SafeString]:
    """Draw what the report has in numbers. Plots escape what they are given."""
    rate = report["rate"]
    drawn = {
        "rate": plots.lines(
            title="Rate over time",
            unit="entries/s",
            series={name: rate_points(rate, name) for name in ("arrived", "loaded")},
        ),
        "phases": plots.bars(
            title="Phases", unit="s", values={one["name"]: one["seconds"] or 0.0 for one in report["phases"]}
        ),
        "collections": plots.bars(
            title="Entries by collection",
            unit="entries",
            values={one["name"]: one["entries"] for one in report["collections"]},
        ),
        "errors": plots.bars(title="Errors by code", unit="errors", values=report["errors_by_code"]),
        "batches": plots.bars(title="Entries of a batch", unit="batches", values=_sizes(report["batches"])),
        "reasons": plots.bars(
            title="Why batches were that large", unit="batches", values=_summed(report["batches"], "batches")
        ),
        "uploads": plots.bars(
            title="Why chunks were that large", unit="chunks", values=_summed(report["uploads"], "chunks")
        ),
    }
    return {name: mark_safe(plot) for name, plot in drawn.items()}  # noqa: S308 - made of escaped nodes only


def _sizes(batches: list[dict[str, Any]]) -> dict[str, float]:
    found: Counter[int] = Counter()
    for one in batches:
        found[one["entries_from"]] += one["batches"]
    return {f"{size} to {10 * size - 1}": count for size, count in sorted(found.items())}


def _summed(groups: list[dict[str, Any]], count: str) -> dict[str, float]:
    found: Counter[str] = Counter()
    for one in groups:
        found[one["reason"] or "not said"] += one[count]
    return dict(found.most_common())


def _readable(value: Any) -> Any:
    """Return a report with everything invisible in its texts, member names included, written out."""
    if isinstance(value, str):
        return visible(value, longest=LONGEST)
    if isinstance(value, Mapping):
        return {visible(str(name), longest=LONGEST): _readable(one) for name, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, list) else value


def _said(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in data.items())[:LONGEST]
