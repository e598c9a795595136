"""Statistics of passes: what a pass counts while it runs, if anyone wants to know (MLIR's `Pass::Statistic`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from xdsl.passes import ModulePass

Counts = Counter[tuple["Statistic", str]]
"""How much was added to each statistic, by kind."""

_COUNTS: ContextVar[Counts | None] = ContextVar("counts", default=None)


class Statistic:
    """A number that a pass counts up, declared as an attribute of its class.

        class DeadCode(ModulePass):
            name = "dce"
            removed = Statistic("operations without uses or effects")

        DeadCode.removed.add(3)

    Tables and lists of statistics read the attributes, so there is no other place where one has to be entered. Where
    nobody counts, adding costs a look into a context variable.

    Args:
        meaning: what is counted, in a few words.
        by: what tells the kinds apart that are counted one by one, such as `memory`; nothing where there is one number.
    """

    def __init__(self, meaning: str, *, by: str = "") -> None:
        self.meaning = meaning
        self.by = by
        self.name = ""
        self.declared_by = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.replace("_", "-")
        self.declared_by = str(getattr(owner, "name", owner.__name__))

    def add(self, count: int = 1, kind: str = "") -> None:
        """Adds to the statistic, to the kind that is named where it has kinds."""
        assert bool(kind) == bool(self.by), (
            f"{self.name} is counted {'by ' + self.by if self.by else 'as one number'}"
        )
        counts = _COUNTS.get()
        if counts is not None:
            counts[self, kind] += count


def is_counting() -> bool:
    """Tells whether anyone counts: what is to be added may take time to find out."""
    return _COUNTS.get() is not None


@contextmanager
def counted() -> Generator[Counts]:
    """Counts what is added meanwhile in this thread."""
    counts: Counts = Counter()
    token = _COUNTS.set(counts)
    try:
        yield counts
    finally:
        _COUNTS.reset(token)


def statistics_of(cls: type[ModulePass]) -> Mapping[str, Statistic]:
    """The statistics that a pass declares, by name, in the order of its class."""
    declared = [value for base in reversed(cls.__mro__) for value in vars(base).values()]
    return {statistic.name: statistic for statistic in declared if isinstance(statistic, Statistic)}
