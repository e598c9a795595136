"""What the outputs of a pointwise kernel run along, and how each access goes through memory there.

Of y[i, j] = x[j, i] + b[j], with 40 rows of 100, one number counts through the points. From one to the next %y goes one
element further, as far as there are points; %b does so within its row of 100; %x goes 40 elements further within a row.
So vectors of 4 suit %y and %b, and not %x, which is read *across*: its neighbours are along i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.gpu.point import runs
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.nodes import Coordinate, Load, Node, Output, cone
from pullback.passes.lowering.space import Space

MOST_BYTES = 16
"""The most that a thread loads or stores at once."""


@dataclass(frozen=True)
class LoopNest:
    """Outputs that run along the same dims, and with them the nodes that they are computed from.

    `extents` are those of the space, 1 along dims that nothing changes with: all points there would be the same.
    """

    extents: tuple[int, ...]
    outputs: Sequence[Output]

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes of all outputs, operands first."""
        return cone([output.node for output in self.outputs])

    @property
    def size(self) -> int:
        """The number of points."""
        return prod(self.extents)

    @cached_property
    def last(self) -> int | None:
        """The innermost dim that has several points."""
        return max((dim for dim, extent in enumerate(self.extents) if extent != 1), default=None)

    # ---- accesses by vectors ------------------------------------------------------------------------------------

    def obstacles(self, lanes: int) -> Iterator[str]:
        """What keeps a thread from computing so many neighbouring points at once, in words."""
        if lanes == 1 or self.last is None:
            return
        for output in self.outputs:
            for obstacle in self._obstacles(output.offset, lanes, output.node):
                yield f"result {output.result} {obstacle}"
        for node in self.nodes:
            if isinstance(node, Load):
                for obstacle in self._obstacles_of_load(node, lanes):
                    yield f"input {node.argument} {obstacle}"
            elif isinstance(node, Coordinate) and (self._varies(node) or self._ends(node.number, lanes)):
                yield "the number of an element changes from one to the next"

    def _obstacles_of_load(self, load: Load, lanes: int) -> Iterator[str]:
        if any(self._varies(row) for row in load.operands):
            yield "is read in rows of their own"
        elif load.bounds:
            yield "is read with a border"
        elif load.operands and load.offset.coefficients[self.last or 0] and load.row_stride % lanes:
            yield f"has rows of {load.row_stride} elements"
        yield from self._obstacles(load.offset, lanes, load)

    def _obstacles(self, offset: Affine, lanes: int, node: Node) -> Iterator[str]:
        stride = self.stride(offset)
        if end := self._ends(offset, lanes):
            yield f"is accessed in runs of {end} elements"
        elif stride not in (0, 1):
            yield f"is accessed {abs(stride)} elements apart"
        elif stride and (apart := self._misaligned(offset, lanes)) is not None:
            yield f"is accessed from element {apart} on"
        elif stride and (size := lanes * byte_width(node)) > MOST_BYTES:
            yield f"would be accessed by {size} bytes at once, of {MOST_BYTES}"

    def stride(self, offset: Affine) -> int:
        """How many elements further an offset is at the next point, where that is the next along the last dim."""
        return 0 if self.last is None else offset.coefficients[self.last]

    def _varies(self, node: Node) -> bool:
        return self.last in node.dims

    def _ends(self, offset: Affine, lanes: int) -> int:
        """The points after which an offset's stride changes, if vectors would reach over that; else 0."""
        found = runs(self.extents, offset.coefficients)
        if not found:
            return 0
        begin, end, _ = found[-1]
        same = prod(self.extents[end:])  # the offset stays where it is along these
        run = same if same != 1 else prod(self.extents[begin:])
        return run if run % lanes and (same != 1 or begin) else 0

    def _misaligned(self, offset: Affine, lanes: int) -> int | None:
        """An element from which a vector would begin that is no multiple of its length."""
        steps = [step for _, _, step in runs(self.extents, offset.coefficients)][:-1]
        return next((n for n in (offset.constant, *steps) if n % lanes), None)

    # ---- accesses across -----------------------------------------------------------------------------------------

    def across(self, load: Load) -> int | None:
        """The dim along which the elements of a load are neighbours, if that is not the outputs'."""
        if not load.is_plain or self.last is None or any(self.stride(o.offset) != 1 for o in self.outputs):
            return None
        if abs(self.stride(load.offset)) <= 1:
            return None
        dims = [d for d, c in enumerate(load.offset.coefficients) if abs(c) == 1 and self.extents[d] != 1]
        return dims[0] if len(dims) == 1 else None

    def staged(self, inputs: Sequence[int]) -> tuple[int | None, list[Load]]:
        """The loads of these inputs that go through shared memory, and the dim along which their elements are
        neighbours: that of the first one."""
        loads = [n for n in self.nodes if isinstance(n, Load) and n.argument in inputs]
        found = [(dim, load) for load in loads if (dim := self.across(load)) is not None]
        first = found[0][0] if found else None
        return first, [load for dim, load in found if dim == first]


def byte_width(node: Node) -> int:
    """The bytes of an element in memory."""
    return max(bit_width(node.element_type), 8) // 8


def nests_of(space: Space, outputs: Sequence[Output]) -> list[LoopNest]:
    """The nests of outputs, whose dims, and those of all nodes behind them, become those that cannot be merged."""
    model = KernelModel(space, outputs, cone([node for output in outputs for node in output.nodes]))
    extents = merge_dims(model).space.extents
    groups: dict[frozenset[int], list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.offset.dims, []).append(output)
    return [
        LoopNest(tuple(n if d in dims else 1 for d, n in enumerate(extents)), group)
        for dims, group in groups.items()
    ]
