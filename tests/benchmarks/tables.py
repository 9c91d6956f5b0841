"""The tables `make bench` prints."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Protocol


class Round(Protocol):
    """One round: figures by name, and by scene what each process spent, microseconds a record or a user."""

    @property
    def figures(self) -> Mapping[str, float]: ...
    @property
    def cpu(self) -> Mapping[str, Mapping[str, float]]: ...


def print_all(rounds: Sequence[Round], once: Mapping[str, float], peaks: Mapping[str, float]) -> None:
    """Print speed, processor time and peak memory as Markdown."""
    _print_figures([one.figures for one in rounds])
    for name, figure in once.items():
        print(f"| {name} | {figure:,.2f} | once | |" if figure < 10 else f"| {name} | {figure:,.0f} | once | |")
    _print_cpu([one.cpu for one in rounds])
    print("\n| process | peak MiB |\n|---|---|")
    for name, peak in sorted(peaks.items()):
        print(f"| {name} | {peak:.0f} |")


def _print_figures(rounds: Sequence[Mapping[str, float]]) -> None:
    print("| what | median | range | of L (paired) |\n|---|---|---|---|")
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        ratio = statistics.median(one[name] / one["L"] for one in rounds)
        share = f"{ratio:.2f}" if name.startswith(("L", "upload", "textbook")) else ""
        print(f"| {name} | {statistics.median(values):,.1f} | {min(values):,.1f} to {max(values):,.1f} | {share} |")


def _print_cpu(rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> None:
    """Print medians; the sum leaves the generator out, but for L, where it is the only client."""
    names = sorted({name for one in rounds for spent in one.values() for name in spent})
    print(f"\n| CPU, \u00b5s a record (a user) | sum | {' | '.join(names)} |\n|---|{'---|' * (len(names) + 1)}")
    for scene in rounds[0]:
        middle = {name: statistics.median(one[scene].get(name, 0.0) for one in rounds) for name in names}
        total = sum(spent for name, spent in middle.items() if scene == "L" or name != "generator")
        print(f"| {scene} | {total:,.1f} | {' | '.join(f'{middle[name]:,.1f}' for name in names)} |")
