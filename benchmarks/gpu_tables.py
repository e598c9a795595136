"""What `gpu.py` prints."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gpu_clock import Times
from rich.console import Console
from rich.table import Table
from workload import Workload

if TYPE_CHECKING:
    from gpu import Comparison

Measure = Callable[[Times], float | None]
BANDWIDTH, ARITHMETIC = "copy on the device, TB/s", "f32 product of the library, TFLOP/s"


def print_ceilings(console: Console, found: Comparison) -> None:
    console.print(", ".join(f"{name} {version}" for name, version in found.versions.items()))
    if found.ceilings:
        table = Table("ceilings", "")
        for name, value in found.ceilings.items():
            table.add_row(name, f"{value:,.2f}")
        console.print(table)


def print_times(
    console: Console, found: Comparison, chosen: Sequence[Workload], systems: Sequence[str]
) -> None:
    """A table for each kind of time that was measured, and why the others are missing."""
    measures: list[tuple[str, Measure]] = [
        ("device", lambda times: times.device),
        ("pace", lambda times: times.pace),
        ("latency", lambda times: times.latency),
    ]
    for name, measure in measures:
        if not any(measure(times) is not None for rounds in found.times.values() for times in rounds):
            continue
        table = Table(name, *systems, "best peer / ours", "ours", "of the ceiling")
        for workload in chosen:
            cells = [cell(found, measure, system, workload.name) for system in systems]
            rate = rate_of(found, measure, workload) if name != "latency" else ("", "")
            table.add_row(workload.name, *cells, ratio(found, measure, systems, workload.name), *rate)
        console.print(table)
    for workload in chosen:
        for system in systems:
            if reason := found.failure(system, workload.name):
                console.print(f"{workload.name}: {system}: {reason}", markup=False)


def medians(found: Comparison, measure: Measure, system: str, workload: str) -> float | None:
    values = [measure(times) for times in found.times.get((system, workload), [])]
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def cell(found: Comparison, measure: Measure, system: str, workload: str) -> str:
    value = medians(found, measure, system, workload)
    return "-" if value is None else f"{value * 1e6:,.1f} us"


def ratio(found: Comparison, measure: Measure, systems: Sequence[str], workload: str) -> str:
    """The median over the rounds of the time of the fastest peer over ours."""
    ratios: list[float] = []
    rounds = {
        system: found.times[system, workload] for system in systems if (system, workload) in found.times
    }
    for of_round in zip(*rounds.values(), strict=False):
        times = {system: measure(one) for system, one in zip(rounds, of_round, strict=True)}
        ours = times.pop("pullback", None)
        peers = [value for value in times.values() if value]
        if ours and peers:
            ratios.append(min(peers) / ours)
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def rate_of(found: Comparison, measure: Measure, workload: Workload) -> tuple[str, str]:
    """What of ours moves or multiplies in a second, and the share of what the device can do."""
    seconds = medians(found, measure, "pullback", workload.name)
    if seconds is None or not (workload.bytes or workload.flops):
        return "", ""
    unit, ceiling = ("TB/s", BANDWIDTH) if workload.bytes else ("TFLOP/s", ARITHMETIC)
    rate = (workload.bytes or workload.flops) / seconds / 1e12
    share = f"{rate / found.ceilings[ceiling]:.0%}" if ceiling in found.ceilings else ""
    return f"{rate:.3g} {unit}", share
