"""What `cpu.py` shows: tables as Markdown, and ratios as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpu_workloads import FLOORS


@dataclass(frozen=True)
class Measured:
    """One workload on a number of threads, in seconds by system."""

    workload: str
    threads: int
    least: Mapping[str, float]
    medians: Mapping[str, float]
    failures: Mapping[str, str]
    """Why others have no time."""

    @property
    def peer(self) -> str | None:
        """The fastest of the others."""
        others = {s: t for s, t in self.least.items() if s != "pullback"}
        return min(others, key=lambda s: others[s]) if others else None

    def ratio(self, seconds: Mapping[str, float]) -> float | None:
        """How many times as fast we are as the fastest of the others."""
        others = [t for s, t in seconds.items() if s != "pullback"]
        return min(others) / seconds["pullback"] if others and "pullback" in seconds else None

    @property
    def floor(self) -> float | None:
        """The ratio that we mean to reach."""
        floors = FLOORS.get(self.workload)
        return floors[min(self.threads, 2) - 1] if floors else None


def markdown(found: Sequence[Measured], versions: Mapping[str, str]) -> str:
    """A table for each number of threads: least times in microseconds, and ratios of least times and of medians."""
    lines = [", ".join(f"{name} {version}" for name, version in versions.items())]
    for threads in dict.fromkeys(m.threads for m in found):
        rows = [m for m in found if m.threads == threads]
        systems = list(dict.fromkeys(s for m in rows for s in m.least))
        head = [
            f"{threads} thread{'s' * (threads > 1)}, us",
            *systems,
            "best peer / ours",
            "of medians",
            "meant",
        ]
        lines += ["", row(head), row(["---"] * len(head))]
        for m in rows:
            cells = [f"{m.least[s] * 1e6:,.1f}" if s in m.least else "-" for s in systems]
            ratios = [number(m.ratio(m.least)), number(m.ratio(m.medians)), number(m.floor)]
            lines.append(row([m.workload, *cells, *ratios]))
    lines += ["", *(f"{m.workload}: {s}: {reason}" for m in found for s, reason in m.failures.items())]
    return "\n".join(lines).rstrip()


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def picture(found: Sequence[Measured], path: Path) -> None:
    """Draws a bar for each workload and number of threads: the ratio of the least times, with what was meant."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    counts = list(dict.fromkeys(m.threads for m in found))
    names = list(dict.fromkeys(m.workload for m in found))
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(names) + 1.4), layout="constrained")
    thickness = 0.8 / len(counts)
    for number_, threads in enumerate(counts):
        rows = [m for m in found if m.threads == threads and m.ratio(m.least)]
        at = [names.index(m.workload) + number_ * thickness for m in rows]
        ratios: list[Any] = [m.ratio(m.least) for m in rows]
        axes.barh(at, ratios, thickness, label=f"{threads} thread{'s' * (threads > 1)}")
        for y, m, ratio in zip(at, rows, ratios, strict=True):
            axes.text(ratio, y, f" {ratio:.2f}, {m.peer}", va="center", fontsize=7)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks([n + 0.4 - thickness / 2 for n in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlabel("time of the fastest peer / time of Pullback (log scale)")
    axes.legend(loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
