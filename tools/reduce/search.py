"""The search: delta debugging over the edits of each kind of reduction, until no edit makes the program smaller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException, VerifyException

from pullback.dialects.ir.copying import copy_module
from pullback.dialects.ir.text import print_module
from pullback.dialects.verification import verify
from pullback.tools.reduce.program_size import ProgramSize, size_of
from pullback.tools.reduce.reductions import STAGES, ReductionKind
from pullback.tools.reduce.reductions.cleanup import Cleanup


class Interesting(Protocol):
    """A test: whether a program still shows the symptom."""

    def __call__(self, module: ModuleOp, text: str) -> bool:
        """Tells whether the program, which is valid IR, shows the symptom. The module must stay as it is."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A program, its text and its size."""

    module: ModuleOp
    text: str
    size: ProgramSize

    @staticmethod
    def of(module: ModuleOp) -> Candidate:
        text = print_module(module)
        return Candidate(module, text, size_of(module, text))


@dataclass
class Counts:
    """What a search did: how many candidates it made, how many of these it tested, and how many showed the symptom."""

    made: int = 0
    tested: int = 0
    kept: int = 0


class Search:
    """Makes a program smaller as long as a test finds it interesting.

    Args:
        module: the program, which is interesting; it is not changed.
        test: whether a candidate is.
        on_progress: called with the kind of reduction at work, before each test.

    `best` is the smallest interesting program so far, whenever the search is interrupted.
    """

    def __init__(
        self, module: ModuleOp, test: Interesting, on_progress: Callable[[str], None] = lambda name: None
    ) -> None:
        self.best = Candidate.of(module)
        self.counts = Counts()
        self._test = test
        self.on_progress = on_progress
        self._tried: set[str] = {self.best.text}

    def run(self, stages: Sequence[Sequence[ReductionKind]] = STAGES) -> ModuleOp:
        """Tries every kind of reduction until none helps any more; gives the smallest program."""
        size = None
        while size != self.best.size:
            size = self.best.size
            for kinds in stages:
                self._stage(kinds)
        return self.best.module

    def _stage(self, kinds: Sequence[ReductionKind]) -> None:
        """Tries all edits of each kind at once, then halves of each, quarters and so on down to single ones.

        It goes on to smaller groups only where the larger ones of no kind help any more: these remove most.
        """
        halvings = 0
        while True:
            helped = [self._groups(kind, halvings) for kind in kinds]
            if not any(helped):
                if not any(self._count(kind) >> halvings > 1 for kind in kinds):
                    return
                halvings += 1

    def _count(self, kind: ReductionKind) -> int:
        return len(kind.edits(self.best.module)) if kind.in_groups else 1

    def _groups(self, kind: ReductionKind, halvings: int) -> bool:
        """Tries the edits of a kind in groups, from the end of the program to its start; whether any helped."""
        helped = False
        stop = len(kind.edits(self.best.module))
        size = max(1, stop >> halvings) if kind.in_groups else 1
        while stop > 0:
            start = max(0, stop - size)
            if self._try(kind, range(start, stop)):
                helped = True
                start = min(start, len(kind.edits(self.best.module)))
            stop = start
        return helped

    def _try(self, kind: ReductionKind, places: range) -> bool:
        """Whether the best program with these edits is interesting; then it is the best."""
        if self._is_better(kind, self._candidate(kind, places)):
            return True
        is_small = len(places) == 1 and self.best.size.operations <= FEW
        return is_small and self._is_better(kind, self._candidate(kind, places, returning=True))

    def _is_better(self, kind: ReductionKind, candidate: Candidate | None) -> bool:
        if candidate is None or candidate.size >= self.best.size or candidate.text in self._tried:
            return False
        self._tried.add(candidate.text)
        self.on_progress(kind.name)
        self.counts.tested += 1
        if not self._test(candidate.module, candidate.text):
            return False
        self.counts.kept += 1
        self.best = candidate
        return True

    def _candidate(self, kind: ReductionKind, places: range, *, returning: bool = False) -> Candidate | None:
        """A copy of the best program with some edits, or None where that is no program.

        What loses its last use goes, too; `returning` returns it instead, and is None where there is no such value.
        """
        self.counts.made += 1
        module = copy_module(self.best.module)
        edits = kind.edits(module)
        cleanup = Cleanup(module)
        with suppress(*NO_PROGRAM):
            for place in reversed(places):
                edits[place]()
            if returning and not cleanup.return_lost():
                return None
            cleanup.run()
            verify(module)
            return Candidate.of(module)
        return None


FEW = 30
"""Operations of a program of which each one is tried in more ways."""
NO_PROGRAM = (
    DiagnosticException,
    VerifyException,
    NotImplementedError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    AssertionError,
)
"""What edits, or the check of types after them, raise where they do not fit the program."""
