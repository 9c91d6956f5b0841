"""What measured results say: the fastest is recommended where it pays, and what became slower is named."""

from typing import Any

from migration.reports.benchmarks import analyse, compare, page


def row(strategy: str, rate: int, case: str = "new", workers: int = 1, records: int = 1000) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "case": case,
        "records": records,
        "workers": workers,
        "records_per_second": rate,
        "spread": [rate, rate],
    }


def result(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"rows": rows, "machine": {"cores": 2, "postgres": "<b>"}, "at": "2026-11-27"}


def test_the_fastest_is_recommended_with_what_it_saves() -> None:
    [advice] = analyse(result(row("copy", 50_000), row("row", 2_000), row("hybrid", 80_000, workers=2)), current="row")

    assert (advice["recommendation"], advice["workers"]) == ("hybrid", 2)
    assert advice["saves_seconds_per_million"] == 487.5
    assert "80000" in advice["reason"]


def test_what_is_hardly_faster_is_not_worth_a_change() -> None:
    [advice] = analyse(result(row("copy", 50_000), row("hybrid", 51_000, workers=2)), current="auto")

    assert (advice["recommendation"], advice["saves_seconds_per_million"]) == ("copy", 0.0)


def test_each_case_has_an_advice_of_its_own() -> None:
    found = analyse(
        result(row("copy", 9), row("upsert", 5), row("copy", 5, "updates"), row("upsert", 9, "updates")), current="copy"
    )

    assert {one["case"]: one["recommendation"] for one in found} == {"new": "copy", "updates": "upsert"}


def test_comparing_names_what_became_slower_and_passes_over_what_only_one_has() -> None:
    before = result(row("copy", 100), row("row", 100), row("upsert", 1))
    after = result(row("copy", 95), row("row", 50), row("hybrid", 1, workers=2))

    told = {one["strategy"]: (one["ratio"], one["slower"]) for one in compare(before, after, tolerance=0.1)}

    assert told == {"copy": (0.95, False), "row": (0.5, True)}


def test_the_page_needs_nothing_else_and_believes_nothing() -> None:
    html = page(result(row("copy", 100, records=10), row("copy", 100)))

    assert html.count("<svg") == 1
    assert "<script" not in html
    assert "<b>" not in html
    assert "http-equiv" in html
