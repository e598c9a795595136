"""A model of when a function of mathematics is inlined and when it is called, by what either costs in seconds.

Inlined, a function is compiled again at each place: LLVM's time is instructions of code. Called, it is compiled once,
but all vector registers are the callee's, so each call costs the caller some stores and loads. A called function takes
up to four vectors at once where a block of instructions has as many that do not wait for each other: that shares the
cost of the call, and lets the processor work on several of them at a time. Inlined is a function where

    instructions * compiling < times it runs * call * runs of the program, and a loop's code stays in the first cache

Results have the same bits either way: no instruction of a function may be contracted with one around it, since theirs
have no such flag. Measured on one core of a Sapphire Rapids processor (AVX-512; AVX2 in brackets), against all inlined:

    sum(tanh(x) * sigmoid(x) + exp(-x * x)), 1e5      called +21 % (+17), by four vectors at once +4 % (-6)
    64 branches sin(x * c) * k, 1e6                   called -22 % (-10), by four -24 % (-26): its code was 850 KB
    a chain of 1,000 tanh and products on 64 values   called  +7 %  (+2), by two -14 % (-15); LLVM takes a third
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class CallModel:
    """The numbers of the model."""

    compiling: float = 40e-6
    """Seconds that LLVM takes for an instruction of its IR, with all that becomes of it."""
    call: float = 1.1e-9
    """Seconds that a call takes, with the registers that the caller stores and loads around it."""
    runs: int = 10_000
    """How often a program is expected to run."""
    longest_loop: int = 3_000
    """Instructions inlined into one block: with more, its code is read from a slower cache than the first one."""
    widths: Sequence[int] = (4, 2, 1)
    """How many vectors a called function may take."""
    may_inline: bool = True
    """Whether any function may be inlined at all."""

    def pays(self, size: int, times: int) -> bool:
        """Whether a place that runs so often in a program should have `size` instructions of its own."""
        return self.may_inline and size * self.compiling < times * self.call * self.runs

    def width(
        self, size: int, groups: Sequence[tuple[int, int]], most: int, must_call: bool = False
    ) -> int | None:
        """How many vectors a function should take at once; None if it should be inlined, all the same.

        Args:
            size: its instructions.
            groups: places that could be shared by a call: how many there are, and how often each runs.
            most: the width allowed at most.
            must_call: whether inlining is not to be considered.
        """

        def cost(width: int) -> float:
            has_single = width > 1 and any(count % width for count, _ in groups)
            calls = sum(times * (count // width + count % width) for count, times in groups)
            return (width + has_single) * size * self.compiling + calls * self.call * self.runs

        inlined = sum(count for count, _ in groups) * size * self.compiling
        best = min((width for width in self.widths if width <= most), key=cost)
        is_called = must_call or not self.may_inline or cost(best) < inlined
        return best if is_called else None


MODEL = CallModel()
ALWAYS_INLINED = replace(MODEL, compiling=0.0, call=1.0, longest_loop=1 << 60)
"""For tests: every function is inlined, whatever it costs."""
ALWAYS_CALLED = replace(MODEL, may_inline=False)
"""For tests: no function is inlined."""
