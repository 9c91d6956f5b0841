"""Plots as text: inline SVG that needs no script, no style sheet and nothing from elsewhere. Pure.

Titles, names and labels may come from a browser: what cannot be seen in them is written out, and all of it is escaped.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import Any

from migration.reports.drawing import dress
from migration.values.visible import visible

NOTHING = "There is nothing to show yet."
MOST_BARS = 20
"""Bars drawn one by one; what is beyond goes into one more."""
MOST_DOTS = 60
"""Points marked one by one; a longer line is only a line."""

_WIDTH, _HEIGHT, _BAR = 720, 280, 26
_TICKS = 5
_LONGEST_LABEL = 28
_HOUR, _DAY = 3600, 86400
NARROW = "\u202f"
"""What sets thousands apart."""


def lines(*, title: str, series: Mapping[str, Sequence[tuple[datetime, float]]], unit: str = "") -> str:
    """Return a plot of values over time, a line for each of `series` (aware moments, in order), shown in UTC."""
    shown = {visible(name): _finite(points) for name, points in series.items()}
    moments = sorted(moment for points in shown.values() for moment, _ in points)
    if not moments:
        return _nothing(title)
    chart = _chart(
        "XY",
        title=title,
        unit=unit,
        height=_HEIGHT,
        show_legend=len(shown) > 1,
        show_dots=len(moments) <= MOST_DOTS,
        x_value_formatter=_clock(moments[0], moments[-1]),
        x_labels=_ticks(moments[0], moments[-1]),
    )
    for name, points in shown.items():
        chart.add(name, points)
    return _drawn(chart, title=title, description=_lines_said(shown, unit))


def bars(*, title: str, values: Mapping[str, float], unit: str = "") -> str:
    """Return a plot with a horizontal bar for each of `values`, in their order from above."""
    counted = _folded([(visible(label, longest=_LONGEST_LABEL), value) for label, value in values.items()])
    if not counted:
        return _nothing(title)
    chart = _chart(
        "HorizontalBar", title=title, unit=unit, height=90 + _BAR * len(counted), show_legend=False, spacing=6
    )
    labelled = [f"{label}: {_number(value)}" for label, value in counted]
    chart.x_labels = labelled[::-1]
    chart.add("", [value for _, value in counted][::-1])
    return _drawn(chart, title=title, description="; ".join(labelled) + _in(unit))


@cache
def _pygal() -> Any:
    """Load the library with the first plot: processes that draw none do without its megabytes."""
    import pygal
    from pygal.etree import etree

    # It hangs a finder for its maps into every later import, in a form that Python gave up.
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
    etree.to_etree()  # With lxml installed it would draw with elements of that, which are of another kind.
    return pygal


def _chart(kind: str, *, title: str, unit: str, height: int, **options: Any) -> Any:
    library = _pygal()
    return getattr(library, kind)(
        title=visible(f"{title} ({unit})" if unit else title),
        width=_WIDTH,
        height=height,
        js=[],
        include_x_axis=True,
        dots_size=2,
        min_scale=2,
        max_scale=6,
        legend_at_bottom=True,
        value_formatter=_number,
        style=library.style.Style(label_font_size=12, major_label_font_size=12),
        **options,
    )


def _drawn(chart: Any, *, title: str, description: str) -> str:
    chart.add_xml_filter(lambda drawn: dress(drawn, title=visible(title), description=description))
    return str(chart.render(disable_xml_declaration=True))


def _nothing(title: str) -> str:
    axes = {"show_x_labels": False, "show_y_labels": False, "show_y_guides": False}
    chart = _chart("Bar", title=title, unit="", height=100, no_data_text=NOTHING, show_legend=False, **axes)
    return _drawn(chart, title=title, description=NOTHING)


def _finite(points: Sequence[tuple[datetime, float]]) -> list[tuple[float, float]]:
    return [(moment.timestamp(), value) for moment, value in points if isfinite(value)]


def _folded(values: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return at most `MOST_BARS` values, and what is beyond as one."""
    finite = [(label, value) for label, value in values if isfinite(value)]
    beyond = finite[MOST_BARS:]
    folded = [(f"{len(beyond)} more", sum(value for _, value in beyond))] if beyond else []
    return finite[:MOST_BARS] + folded


def _number(value: float) -> str:
    """Return a number as people read it, thousands set apart, at most three digits behind the point."""
    whole = f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
    return whole.replace(",", NARROW)


def _lines_said(shown: Mapping[str, Sequence[tuple[float, float]]], unit: str) -> str:
    """Return what a line plot shows in words, for those who hear the page."""
    said = "; ".join(
        f"{name}: {len(points)} points, from {_number(min(value for _, value in points))}"
        f" to {_number(max(value for _, value in points))}"
        for name, points in shown.items()
        if points
    )
    return said + _in(unit)


def _in(unit: str) -> str:
    return f" ({visible(unit)})" if unit else ""


def _ticks(first: float, last: float) -> list[float]:
    return [first + (last - first) * step / (_TICKS - 1) for step in range(_TICKS)] if last > first else [first]


def _clock(first: float, last: float) -> Callable[[float], str]:
    """Return how moments are written under a plot that goes from `first` to `last`."""
    span = last - first
    form = "%H:%M:%S" if span < _HOUR else "%H:%M" if span < _DAY else "%m-%d %H:%M" if span < 7 * _DAY else "%Y-%m-%d"
    return lambda moment: datetime.fromtimestamp(moment, UTC).strftime(form)
