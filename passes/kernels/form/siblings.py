"""Siblings: sums over the leading dims that read the same tensors, none of which reads another, in one kernel.

    %a = graph.multiply %view, %dy       of 16 x 56 x 56 x 64
    %s = graph.sum %a {axes = [0, 1, 2]}
    %b = graph.multiply %view_1, %dy     another view of the same images
    %t = graph.sum %b {axes = [0, 1, 2]}

So all sums of a filter's gradient, one for each position in a window, take one run over the images.
"""

from __future__ import annotations

from xdsl.ir import SSAValue

from pullback.passes.kernels.form.fusion import fit, join
from pullback.passes.kernels.form.groups import Known, OpenGroup

LEADING: frozenset[Known] = frozenset({"leading"})
MOST_SUMS = 12
"""Sums of a kernel: each has registers of its own."""


class Siblings:
    """The latest groups of a block that sum up over leading dims, by what they read, with the number of their sums."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._latest: dict[frozenset[SSAValue], tuple[OpenGroup, int]] = {}

    def joined(self, made: OpenGroup) -> OpenGroup:
        """Fuses a group, whose first sum was just put into it, with the latest one that reads the same tensors."""
        key = frozenset(made.inputs)
        if not _sums_up(made) or len(key) < 2:
            return made
        before, count = self._latest.get(key, (None, 0))
        union = None if before is None or count == MOST_SUMS else self._union(before.root(), made)
        self._latest[key] = (made, 1) if union is None else (union, count + 1)
        return union or made

    def _union(self, before: OpenGroup, made: OpenGroup) -> OpenGroup | None:
        if before is made or not _sums_up(before) or before.shape != made.shape:
            return None
        fitted = fit(before, made, [], self._limit)
        if fitted is None or before.position > made.position or before.is_used_before(made):
            return None
        return join(before, made, fitted, made.position)


def _sums_up(group: OpenGroup) -> bool:
    """Tells whether a group does nothing but sums, none of which it needs itself."""
    return group.reductions == LEADING and group.kind is None and group.inner is None
