"""Windows side by side: what several of them read is loaded once.

Of windows of 3, four in a row read six elements of each row of an image, not twelve:

    scf.for %w = … step %c4 {
      %x = vector.load %x[%w, %c]              element 0 of the first window
      %x_1 = vector.load %x[%w + 1, %c]        element 1 of the first, element 0 of the second
      …
      vector.store …, %y[%w, %c]
      vector.store …, %y[%w + 3, %c]

That counts most where vectors begin in the middle of a line of the cache, as in arrays of users: a load is two
then. Of 16 x 56 x 56 x 64 elements in windows of 3 x 3 it takes 1.1 instead of 1.8 ms there,
and 1.0 instead of 1.05 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.nodes import Load, Node

AT_ONCE = 4
"""Windows in a row."""
FEWEST_LOADS = 1 << 19
"""The loads of a kernel from which on the longer code is worth it."""


def windows_at_once(kernel: KernelFunction, nodes: Iterable[Node], dims: Sequence[int]) -> int:
    """How many indices of the last dim but one are computed together: 1 where that saves few loads."""
    *_, windows, lane = dims
    loads = [n for n in nodes if isinstance(n, Load) and not n.operands and {windows, lane} <= n.dims]
    if len(loads) * prod(kernel.space.extents[d] for d in dims) < FEWEST_LOADS:
        return 1
    read = {
        (load.argument, load.offset + load.offset.coefficients[windows] * number)
        for load in loads
        for number in range(AT_ONCE)
    }
    return AT_ONCE if 5 * len(read) <= 4 * AT_ONCE * len(loads) else 1


class WindowLevel(LoopLevel):
    """One of several windows side by side: so many indices of a dim further on than its level says.

    Args:
        around: the level around.
        indices: of the first window.
        lanes: the dim that is computed as a vector.
        window: the dim of windows, and the number of this one.
        loaded: what the windows before it have loaded.
    """

    def __init__(
        self,
        around: LoopLevel,
        indices: dict[int, SSAValue],
        lanes: Lanes,
        window: tuple[int, int],
        loaded: dict[tuple[int, Affine], Scalar],
    ) -> None:
        builder = around.builder
        super().__init__(
            builder, around.inputs, around, builder.insertion_point, indices, lanes, is_inside=True
        )
        self._window, self._loaded = window, loaded

    def terms(self, offset: Affine) -> tuple[Sequence[Term], int]:
        return super().terms(self._moved(offset))

    def computed(self, node: Node) -> Scalar:
        if not isinstance(node, Load) or node.operands:
            return super().computed(node)
        key = node.argument, self._moved(node.offset)
        if key not in self._loaded:
            self._loaded[key] = super().computed(node)
        return self._loaded[key]

    def _moved(self, offset: Affine) -> Affine:
        dim, number = self._window
        return offset + offset.coefficients[dim] * number


def each_window(
    level: LoopLevel,
    indices: dict[int, SSAValue],
    lanes: Lanes,
    dim: int,
    compute: Callable[[LoopLevel], None],
) -> None:
    """Computes some windows along a dim, from the first one's indices on."""
    loaded: dict[tuple[int, Affine], Scalar] = {}
    for number in range(AT_ONCE):
        compute(WindowLevel(level, indices, lanes, (dim, number), loaded))
