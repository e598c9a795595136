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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.passes.kernels.form.classify import Computed, Step


@dataclass(frozen=True)
class Reads:
    """What all steps of a block read."""

    summed: frozenset[SSAValue]
    """Values that only reductions read."""
    made_into_summed: Counter[SSAValue]
    """For each value how many of those are made of it."""
    stored: frozenset[SSAValue]
    """Values that something reads which fits into no kernel of a product."""

    def is_summed_apart(self, step: Computed, of_product: Iterable[SSAValue]) -> bool:
        """Tells whether a value is only summed up, and what it is made of in the kernel of a product is stored: for
        others, or once for several such values.
        """
        if step.value not in self.summed or isinstance(step.op, Reduction):
            return False
        return all(v in self.stored or self.made_into_summed[v] > 1 for v in of_product)


def reads_of(steps: Sequence[Step]) -> Reads:
    """Finds what steps read, and how."""
    stored: set[SSAValue] = set()
    by_reductions: set[SSAValue] = set()
    by_others: set[SSAValue] = set()
    for step in steps:
        if not isinstance(step, Computed):
            stored.update(step.after)
            continue
        stored.update(access.value for access in step.accesses if access.axes is None)
        (by_reductions if isinstance(step.op, Reduction) else by_others).update(
            a.value for a in step.accesses
        )
    summed = frozenset(by_reductions - by_others - stored)
    computed = [step for step in steps if isinstance(step, Computed) and step.value in summed]
    made_into_summed = Counter(value for step in computed for value in {a.value for a in step.accesses})
    return Reads(summed, made_into_summed, frozenset(stored | by_reductions))
