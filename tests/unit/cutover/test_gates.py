"""Gates and breaches: whatever the figures, each verdict follows from its figure and limit, and says why."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.cutover.gates import ASKED, WHOLE, Comparisons, Figures, Limits, breach_of, failing, gates_of
from migration.states import Stage

LIMITS = Limits.of({})
GOOD = Figures(
    devices=1_000,
    receipts=990,
    apart=2,
    outboxes=400,
    outbox_p99=3.0,
    proof_age=600.0,
    proof_holds=True,
    comparisons=Comparisons(50_000, 49_995, 2, 10, devices=30, devices_amiss=2, p99_ms=180.0),
)
WORSE: dict[str, Figures] = {
    "receipts": replace(GOOD, receipts=700),
    "outbox": replace(GOOD, outbox_p99=86_400.0),
    "diff": replace(GOOD, apart=900),
    "samples": replace(GOOD, comparisons=Comparisons(10, 10, devices=3, p99_ms=180.0)),
    "mismatches": replace(GOOD, comparisons=replace(GOOD.comparisons, agreed=40_000)),
    "errors": replace(GOOD, comparisons=replace(GOOD.comparisons, errors=20_000)),
    "latency": replace(GOOD, comparisons=replace(GOOD.comparisons, p99_ms=60_000.0)),
    "rollback": replace(GOOD, proof_age=90 * 86_400.0),
    "stragglers": replace(GOOD, receipts=900),
}
STAGES = [stage for stage in Stage if ASKED[stage]]
Counts = st.integers(0, 10**6)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparisons:
    compared = draw(Counts)
    agreed = draw(st.integers(0, compared))
    devices = draw(st.integers(0, 64))
    return Comparisons(
        compared,
        agreed,
        draw(st.integers(0, compared - agreed)),
        draw(Counts),
        devices,
        draw(st.integers(0, devices)),
        draw(st.none() | st.floats(0, 1e6)),
    )


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    devices = draw(Counts)
    return Figures(
        devices=devices,
        receipts=draw(st.integers(0, devices)),
        apart=draw(Counts),
        outboxes=draw(Counts),
        outbox_p99=draw(st.none() | st.floats(0, 1e7)),
        proof_age=draw(st.none() | st.floats(0, 1e7)),
        proof_holds=draw(st.booleans()),
        comparisons=draw(comparisons()),
    )


class TestGates:
    @given(figures(), st.sampled_from(list(Stage)))
    def test_are_those_of_the_stage_each_with_a_reason(self, found: Figures, stage: Stage) -> None:
        gates = gates_of(stage=stage, figures=found, limits=LIMITS)
        assert tuple(gate.name for gate in gates) == ASKED[stage]
        assert all(gate.reason.endswith(".") for gate in gates)
        assert not [gate for gate in gates if gate.passed and gate.figure is None], "what is not known does not hold"

    @pytest.mark.parametrize("stage", STAGES)
    def test_hold_where_all_is_well(self, stage: Stage) -> None:
        limits = replace(LIMITS, stragglers=10)
        assert failing(gates_of(stage=stage, figures=GOOD, limits=limits)) == []

    @pytest.mark.parametrize("stage", STAGES)
    def test_of_nothing_known_do_not_hold(self, stage: Stage) -> None:
        held = [gate for gate in gates_of(stage=stage, figures=Figures(), limits=LIMITS) if gate.passed]
        assert [gate.name for gate in held] in ([], ["stragglers"])

    @pytest.mark.parametrize(("name", "stage"), [(name, stage) for stage in STAGES for name in ASKED[stage]])
    def test_closes_alone_where_its_own_figure_is_bad(self, name: str, stage: Stage) -> None:
        gates = gates_of(stage=stage, figures=WORSE[name], limits=replace(LIMITS, stragglers=10))
        closed = {gate.name for gate in failing(gates)}
        assert closed == {name}

    def test_of_a_failed_rehearsal_does_not_hold_however_young_it_is(self) -> None:
        gates = gates_of(stage=Stage.SHADOW, figures=replace(GOOD, proof_holds=False, proof_age=0.0), limits=LIMITS)
        assert [gate.name for gate in failing(gates)] == ["rollback"]

    @given(figures(), st.sampled_from([field.name for field in fields(Limits)]), st.sampled_from(STAGES))
    def test_pass_no_less_where_a_limit_is_loosened(self, found: Figures, name: str, stage: Stage) -> None:
        demands = {"receipts", "comparisons"}
        loose = replace(LIMITS, **{name: 0 if name in demands else 10**12})
        before = {gate.name for gate in gates_of(stage=stage, figures=found, limits=LIMITS) if gate.passed}
        after = {gate.name for gate in gates_of(stage=stage, figures=found, limits=loose) if gate.passed}
        assert before <= after


class TestABreach:
    @given(comparisons())
    def test_needs_enough_samples(self, window: Comparisons) -> None:
        limits = replace(LIMITS, breach_comparisons=window.asked + 1)
        assert breach_of(window=window, limits=limits) is None

    @given(comparisons())
    def test_is_one_of_rate_or_latency_and_says_so(self, window: Comparisons) -> None:
        found = breach_of(window=window, limits=LIMITS)
        bad = [
            (window.mismatch_rate or 0) > LIMITS.breach_mismatches / WHOLE,
            (window.error_rate or 0) > LIMITS.breach_errors / WHOLE,
            (window.p99_ms or 0) > LIMITS.breach_p99_ms,
        ]
        assert found is None or (any(bad) and "is the most." in found)
        if bad[2] and window.asked >= LIMITS.breach_comparisons:
            assert found is not None

    def test_is_no_matter_of_one_device_where_several_compare(self) -> None:
        window = Comparisons(10_000, 5_000, 0, 0, devices=20, devices_amiss=1, p99_ms=5.0)
        assert breach_of(window=window, limits=LIMITS) is None
        assert breach_of(window=replace(window, devices_amiss=3), limits=LIMITS) is not None

    def test_of_the_only_device_there_is_counts(self) -> None:
        window = Comparisons(10_000, 5_000, 0, 0, devices=1, devices_amiss=1, p99_ms=5.0)
        assert breach_of(window=window, limits=LIMITS) is not None

    def test_leaves_noise_out(self) -> None:
        window = Comparisons(10_000, 5_000, 5_000, 0, devices=9, devices_amiss=9, p99_ms=5.0)
        assert breach_of(window=window, limits=LIMITS) is None
