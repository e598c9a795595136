"""`PassStatistics`: an instrumentation that records what each pass did, by its own statistics and by operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.passes.pipeline.instrumentation import PassInstrumentation
from pullback.passes.pipeline.print_pipeline import pass_heading
from pullback.passes.rewriting.statistic import Counts, Statistic, counted, statistics_of


@dataclass(frozen=True)
class PassRecord:
    """What one run of a pass did."""

    pass_: ModulePass
    before: Mapping[str, int]
    """How many operations of each name there were."""
    after: Mapping[str, int]
    """How many there are."""
    counts: Counts

    @property
    def changes(self) -> dict[str, int]:
        """How many operations of a name there are more than before, or fewer, of those names where it differs."""
        names = dict.fromkeys([*self.before, *self.after])
        differences = {name: self.after.get(name, 0) - self.before.get(name, 0) for name in names}
        return {name: difference for name, difference in sorted(differences.items()) if difference}

    @property
    def statistics(self) -> dict[str, int | dict[str, int]]:
        """The pass's own statistics by name, then those of passes that it uses; a number for each kind, if any."""
        own = statistics_of(type(self.pass_))
        found: dict[str, int | dict[str, int]] = {name: {} if s.by else 0 for name, s in own.items()}
        for (statistic, kind), count in sorted(self.counts.items(), key=_order):
            name = statistic.name
            if own.get(name) is not statistic:
                name = f"{statistic.declared_by}.{name}"
            if isinstance(kinds := found.setdefault(name, {} if kind else 0), dict):
                kinds[kind] = count
            else:
                found[name] = count
        return found

    def as_json(self) -> dict[str, Any]:
        """The record as JSON has it."""
        return {
            "pass": pass_heading(self.pass_),
            "operations": {"before": sum(self.before.values()), "after": sum(self.after.values())},
            "changes": self.changes,
            "statistics": self.statistics,
        }


def _order(item: tuple[tuple[Statistic, str], int]) -> tuple[str, str, str]:
    (statistic, kind), _ = item
    return statistic.declared_by, statistic.name, kind


class PassStatistics(PassInstrumentation):
    """Records what each pass does while it is among the instrumentations, as `pullback-opt --statistics` prints it.

        statistics = pb.PassStatistics()
        with pb.instrumented(statistics):
            step(x)
        for record in statistics.records:
            print(record.pass_.name, record.changes, record.statistics)

    `records` has one entry for each run of a pass: the pass, how many operations of each name there were `before` and
    `after`, the `changes` between the two, and the pass's own `statistics` by name. A pass that fails has none.
    """

    def __init__(self) -> None:
        self.records: list[PassRecord] = []
        self._running: list[tuple[Mapping[str, int], Counts, ExitStack]] = []
        """What was there before each pass that runs: one may run others."""

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Counts the operations, and begins to count what the pass does."""
        counting = ExitStack()
        self._running.append((_operations(module), counting.enter_context(counted()), counting))

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Records the run."""
        before, counts, counting = self._running.pop()
        counting.close()
        self.records.append(PassRecord(pass_, before, _operations(module), counts))

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        """Counts no more."""
        *_, counting = self._running.pop()
        counting.close()


def _operations(module: ModuleOp) -> Mapping[str, int]:
    """How many operations of each name are in a module, which does not count itself."""
    counts = Counter(op.name for op in module.walk())
    counts.subtract([module.name])
    return +counts
