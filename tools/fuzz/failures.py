"""Failures of a run: equal symptoms are one failure; each is reduced, and written as a program that repeats it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pullback.driver.reproducer import Reproducer
from pullback.process.whole_files import write_bytes
from pullback.tools.fuzz.cases import Case
from pullback.tools.fuzz.outcome import Outcome


@dataclass
class Failures:
    """The failures of a run by symptom, and how many cases had which outcome."""

    folder: Path | None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    first: dict[tuple[str, str], tuple[Case, Outcome]] = field(
        default_factory=dict[tuple[str, str], tuple[Case, Outcome]]
    )
    cases: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def add(self, case: Case, outcome: Outcome) -> bool:
        """Counts a case; tells whether it is a failure with a new symptom, which is then written."""
        self.counts[case.kind, outcome.kind] += 1
        if not outcome.is_failure:
            return False
        key = outcome.kind, outcome.symptom
        self.cases[key] += 1
        if key in self.first:
            return False
        self.first[key] = case, outcome
        return True

    def write(self, case: Case, outcome: Outcome) -> Path | None:
        """Writes the program of a failure, with what was said of it, as a reproducer; where there is a folder."""
        if self.folder is None:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{case.kind}-{case.seed}.mlir"
        said = f"{outcome.kind}: {outcome.symptom}"
        reproducer = Reproducer(outcome.text, outcome.pipeline, error=said)
        detail = "".join(f"// {line}\n" for line in f"--case {case}: {said}\n{outcome.detail}".splitlines())
        write_bytes(path, f"{reproducer}{detail}".encode(errors="replace"))
        return path

    def summary(self) -> Sequence[str]:
        """The numbers of a run, one outcome a line, then each failure."""
        lines = [f"{kind:8} {outcome:24} {count:7}" for (kind, outcome), count in sorted(self.counts.items())]
        for key, (case, outcome) in self.first.items():
            lines.append(f"{self.cases[key]:5} x {outcome.kind}: {outcome.symptom} (--case {case})")
        return lines
