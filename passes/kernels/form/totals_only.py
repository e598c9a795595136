"""Values that are only summed up: they are computed where the sum is, not where a product is stored.

    %p = graph.matmul %g, %w                  read whole by another product, so it is stored
    %a = graph.multiply %view, %p             of 8 x 28 x 28 x 192
    %s = graph.sum %a {axes = [0, 1, 2]}      the only reader of %a
    %b = graph.multiply %view_1, %p
    %t = graph.sum %b {axes = [0, 1, 2]}

No reduction fits into the kernel of a product. So %a and %b in it would be written, and read again for their sums;
these read %p in their stead, all in one kernel (`siblings`). If nothing else needs %p in memory, and one such value
is made of it, both ways move as much: then that stays with the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.passes.kernels.form.classify import Computed, Step
from pullback.passes.kernels.form.deferred import size_of


@dataclass(frozen=True)
class Reads:
    """What all steps of a block read."""

    summed: frozenset[SSAValue]
    """Values that only reductions read."""
    made_into_summed: Counter[SSAValue]
    """For each value how many of those are made of it."""
    fused: frozenset[SSAValue]
    """Values that kernels compute, and that nothing reads from memory in any case."""

    def is_summed_apart(self, step: Computed) -> bool:
        """Tells whether a value is only summed up, and the large ones that it is made of are stored: by others, or once
        for several such values.
        """
        if step.value not in self.summed or isinstance(step.op, Reduction):
            return False
        large = [a.value for a in step.accesses if size_of(a.value) >= size_of(step.value)]
        return all(v not in self.fused or self.made_into_summed[v] > 1 for v in large)


def reads_of(steps: Iterable[Step]) -> Reads:
    """Finds what steps read, and how."""
    computed: dict[SSAValue, set[SSAValue]] = {}
    stored: set[SSAValue] = set()
    by_reductions: set[SSAValue] = set()
    by_others: set[SSAValue] = set()
    for step in steps:
        if not isinstance(step, Computed):
            stored.update(step.after)
            continue
        computed[step.value] = {access.value for access in step.accesses}
        stored.update(access.value for access in step.accesses if access.axes is None)
        (by_reductions if isinstance(step.op, Reduction) else by_others).update(computed[step.value])
    summed = frozenset(by_reductions - by_others - stored)
    made_into_summed = Counter(v for value, operands in computed.items() if value in summed for v in operands)
    return Reads(summed, made_into_summed, frozenset(computed.keys() - stored))
