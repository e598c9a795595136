"""What a module of LLVM IR must declare and define for the functions that were printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pullback.backends.cpu.llvm.costs import Costs
from pullback.backends.cpu.llvm.math_calls import MathCalls
from pullback.backends.cpu.llvm.notes import Notes


@dataclass
class ModuleNeeds:
    """Declarations and library functions that the functions printed so far need in their module, and notes on lines."""

    notes: Notes
    math: MathCalls
    """The calls of the math library."""
    costs: Costs
    declarations: set[str] = field(default_factory=set[str])
    host: set[str] = field(default_factory=set[str])
    """Functions of the host: they return 0, or else their caller returns at once."""
    bodies: list[Callable[[], str]] = field(default_factory=list[Callable[[], str]])
    """What prints the functions that the pool of threads calls for the function printed last."""
    calls_pool: bool = False
    """Whether any function calls the pool of threads."""
    _names: dict[str, int] = field(default_factory=dict[str, int])

    def unique(self, name: str) -> str:
        """A name for a function that is in no program."""
        number = self._names[name] = self._names.get(name, -1) + 1
        return f"{name}.{number}" if number else name
