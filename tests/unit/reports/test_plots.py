"""Plots stand in any page: no script, no style sheet, no address, nothing hostile, readable aloud."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from migration.reports.drawing import COLOURS
from migration.reports.plots import MOST_BARS, NOTHING, bars, lines

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;",
    "javascript:alert(1)",
    "</svg><iframe src=//evil.example>",
    "nul \x00 and \x1b[31m",
    "turned \u202e around",
    "lone \ud800 surrogate",
    "\ufffe\uffff",
]


def over_seconds(*values: float) -> list[tuple[datetime, float]]:
    return [(START + timedelta(seconds=second), value) for second, value in enumerate(values)]


def nodes(plot: str) -> Iterator[ET.Element]:
    yield from ET.fromstring(plot.encode()).iter()


def texts(plot: str) -> str:
    return " ".join(node.text for node in nodes(plot) if node.text)


def several() -> list[str]:
    return [
        lines(
            title="Rate", series={"arrived": over_seconds(1, 4, 9), "loaded": over_seconds(0, 2, 8)}, unit="entries/s"
        ),
        lines(title="One point", series={"x": over_seconds(3)}),
        lines(title="Long", series={"x": over_seconds(*range(300))}),
        lines(title="Flat", series={"x": over_seconds(0, 0, 0), "nothing": []}),
        lines(title="Empty", series={}),
        bars(title="By collection", values={"todo": 12033, "settings": 0.25, "negative": -4}, unit="entries"),
        bars(title="Empty", values={}),
    ]


class TestEveryPlot:
    @pytest.mark.parametrize("plot", several())
    def test_needs_nothing_but_the_page_it_stands_in(self, plot: str) -> None:
        assert plot.startswith("<svg ")
        assert "http" not in plot.replace('xmlns="http://www.w3.org/2000/svg"', "", 1)
        for node in nodes(plot):
            assert node.tag.removeprefix(SVG) in {"svg", "g", "title", "desc", "path", "rect", "circle", "text"}
            for attribute, value in node.attrib.items():
                assert attribute not in {"style", "href"}
                assert not attribute.startswith("on")
                assert "url(" not in value

    @pytest.mark.parametrize("plot", several())
    def test_is_an_image_with_a_name_and_a_description(self, plot: str) -> None:
        drawn = ET.fromstring(plot)
        assert drawn.get("role") == "img"
        title, description = (drawn.find(f"{SVG}{tag}") for tag in ("title", "desc"))
        assert title is not None
        assert description is not None
        assert title.text
        assert description.text
        assert drawn.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"

    def test_has_no_id_that_another_one_has(self) -> None:
        ids = [node.get("id") for plot in several() + several() for node in nodes(plot) if node.get("id")]
        assert len(ids) == len(set(ids)) == 4 * len(several())

    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_shows_hostile_names_as_text(self, hostile: str) -> None:
        for plot in (
            lines(title=hostile, series={hostile: over_seconds(1, 2), "b": over_seconds(1)}, unit=hostile),
            bars(title=hostile, values={hostile: 3}, unit=hostile),
            lines(title=hostile, series={}),
        ):
            assert {node.tag.removeprefix(SVG) for node in nodes(plot)} <= {
                "svg", "g", "title", "desc", "path", "rect", "circle", "text"
            }  # fmt: skip
            assert "<script" not in plot
            assert "<img" not in plot
            assert not set(plot) & set("\x00\x1b\u202e\ud800\ufffe\uffff")


class TestLines:
    def test_draws_a_line_for_each_series_and_names_it(self) -> None:
        plot = lines(title="Rate", series={"arrived": over_seconds(1, 4, 9), "loaded": over_seconds(0, 2, 8)})
        drawn = [node.get("stroke") for node in nodes(plot) if node.get("stroke-width") == "2"]
        assert drawn == [f"var(--m-plot-{number}, {COLOURS[number]})" for number in (0, 1)]
        assert "arrived" in texts(plot)
        assert "loaded: 3 points, from 0 to 8" in texts(plot)

    def test_says_times_as_utc(self) -> None:
        plot = lines(title="Rate", series={"x": over_seconds(1, 2, 3, 4, 5)})
        assert "12:00:00" in texts(plot)
        assert "12:00:04" in texts(plot)

    def test_leaves_out_what_is_no_number(self) -> None:
        plot = lines(title="Rate", series={"x": over_seconds(1, float("nan"), float("inf"), 2)})
        assert "x: 2 points, from 1 to 2" in texts(plot)

    def test_says_so_when_there_is_nothing(self) -> None:
        assert NOTHING in texts(lines(title="Rate", series={"x": []}))


class TestBars:
    def test_draws_a_bar_for_each_value_and_says_it(self) -> None:
        plot = bars(title="Entries", values={"todo": 12033, "notes": 40}, unit="entries")
        assert sum(node.get("fill", "").startswith("var(--m-plot-0") for node in nodes(plot)) == 2
        assert "todo: 12\u202f033" in texts(plot)
        assert "Entries (entries)" in texts(plot)

    def test_folds_what_is_beyond_a_page_into_one_bar(self) -> None:
        plot = bars(title="Entries", values={f"c{number}": 1 for number in range(MOST_BARS + 30)})
        assert sum(node.get("fill", "").startswith("var(") for node in nodes(plot)) == MOST_BARS + 1
        assert "30 more: 30" in texts(plot)

    def test_says_so_when_there_is_nothing(self) -> None:
        assert NOTHING in texts(bars(title="Errors", values={}))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ground", ["#ffffff", "#111827", "#000000"])
def test_colours_stand_out_from_light_and_from_dark_ground(ground: str) -> None:
    for colour in COLOURS:
        darker, lighter = sorted((luminance(colour), luminance(ground)))
        assert (lighter + 0.05) / (darker + 0.05) >= 3
