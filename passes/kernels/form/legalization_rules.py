"""Rules of legalisation: what replaces updates, sums with slices, reductions over inner axes, and their like.

graph.scatter_update %w, %s    ->   %old = graph.read %w            (or the value last read)
                                    %new = graph.replace_rows %old, %s
                                    graph.assign %w, %new
graph.add_n %a, %s             ->   graph.add %a, (graph.densify %s)
graph.sum %x {axes = [1]}      ->   graph.sum (graph.transpose %x) {axes = [2]}      (of rank 3)
graph.identity %x              ->   %x
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import (
    ConcatSlices,
    Densify,
    Gather,
    MakeSlices,
    SliceIndices,
    SliceValues,
)
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Add, Identity, StopGradient
from pullback.dialects.graph.gradient.markers import AddN, Gate
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import Assign, Read, ReadRows, Update, label_of
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, element_type_of, numpy_dtype, shape_of_type
from pullback.dialects.ir.dense import is_uniform
from pullback.passes.lowering.support import runs_natively

Expansion: TypeAlias = Tensor | tuple[Tensor, ...] | None
"""What replaces the results; `None` where the operation stays."""
Rule: TypeAlias = "Callable[[Operation, ReachingValues], Expansion]"
"""Emits what replaces an operation."""
LARGE_OPERAND, MANY_COLUMNS = 2**16, 256
"""Elements of a transposed operand and columns of a product from which on turning it around pays."""
LARGEST_CONSTANT = 4096
"""Bytes that a tensor of one number may take in the program, rather than be filled at every step."""


class ReachingValues:
    """Reaching definitions: the value last read from each variable, and the slices put together in a block.

    An update ends what was read before it.
    """

    def __init__(self, *, copies_operands: bool = True) -> None:
        self.copies_operands = copies_operands
        """Whether products copy their operands as they need them."""
        self._read: dict[str, SSAValue] = {}
        self._slices: set[SSAValue] = set()

    def holds(self, slices: SSAValue) -> bool:
        """Tells whether slices are put together in this block, not in one around it: so a kernel here can do so."""
        return slices in self._slices

    def of(self, variable: SSAValue) -> SSAValue | None:
        """Finds the value last read from a variable, if the variable still contains it."""
        return self._read.get(label_of(variable))

    def follow(self, op: Operation) -> None:
        """Takes down what a legal operation, and its regions, read and update."""
        match op:
            case MakeSlices():
                self._slices.add(op.results[0])
            case Read():
                self._read[label_of(op.operands[0])] = op.results[0]
            case _:
                for inner in op.walk() if op.regions else (op,):
                    if isinstance(inner, Update):
                        self._read.pop(label_of(inner.operands[0]), None)


def rule_of(cls: type[Operation]) -> Rule | None:
    """Finds the rule for a class of operations, or for the nearest family that has one."""
    return next((RULES[family] for family in cls.__mro__ if family in RULES), None)


def _fill(op: Operation, reaching: ReachingValues) -> Expansion:
    """Makes a constant of a small fill of a dtype that kernels do not have, rather than a call at every step."""
    assert isinstance(op, Fill)
    if op.operands or runs_natively(op):
        return None
    type_ = op.result_types[0]
    size = math.prod(shape_of_type(type_)) * numpy_dtype(element_type_of(type_)).itemsize
    return Constant.from_array(op.numpy()) if size <= LARGEST_CONSTANT else None


def _constant(op: Operation, reaching: ReachingValues) -> Expansion:
    """Makes a fill of a large constant that has one value everywhere, rather than keep it in the program."""
    assert isinstance(op, Constant)
    size = math.prod(shape_of_type(op.result_types[0])) * op.array().itemsize
    if size <= LARGEST_CONSTANT or not is_uniform(op.value):
        return None
    return Fill.full(op.array().flat[0].item(), op.result_types[0])


def _gate(op: Operation, reaching: ReachingValues) -> Expansion:
    """Makes a gate of tensors of a gate of slices: these pass as rows and indices."""
    if not any(isinstance(v.type, SlicesType) for v in op.operands):
        return None
    values = [Tensor(v) for v in op.operands]
    parts = [
        [_part(SliceValues, t), _part(SliceIndices, t)] if isinstance(t.type, SlicesType) else [t]
        for t in values
    ]
    passed = iter(Gate.mark([part for listed in parts for part in listed]))
    return tuple(
        MakeSlices.emit_as([next(passed).value, next(passed).value], t.type)
        if isinstance(t.type, SlicesType)
        else next(passed)
        for t in values
    )


def _copy_to(op: Operation, reaching: ReachingValues) -> Expansion:
    """Copies rows and indices of slices to another device, and puts them together there."""
    slices, device = Tensor(op.operands[0]), device_of_op(op)
    if not isinstance(slices.type, SlicesType) or device is None:
        return None
    parts = [CopyTo.to(_part(part, slices), device).value for part in (SliceValues, SliceIndices)]
    return MakeSlices.emit_as(parts, slices.type)


def _contents_before(variable: SSAValue, reaching: ReachingValues) -> Tensor:
    old = reaching.of(variable)
    return Read.of(Tensor(variable)) if old is None else Tensor(old)


def _read_rows(op: Operation, reaching: ReachingValues) -> Expansion:
    """Gathers from what the variable contains, which is no copy where `plan-memory` can prove that it need not be."""
    variable, indices = op.operands
    return Gather.of(_contents_before(variable, reaching), Tensor(indices))


def _update(op: Operation, reaching: ReachingValues) -> Expansion:
    """Computes new contents from the old, and assigns them: in place where `plan-memory` can prove that it is safe."""
    assert isinstance(op, Update)
    if isinstance(op, Assign):
        return None
    variable = op.operands[0]
    after = op.contents_after(_contents_before(variable, reaching))
    Assign.apply(Tensor(variable), after)
    return after


def _slice_part(op: Operation, reaching: ReachingValues) -> Expansion:
    """Forwards the rows or the indices of slices that are put together in sight."""
    made = op.operands[0].owner
    if not isinstance(made, MakeSlices):
        return None
    return Tensor(made.operands[0 if isinstance(op, SliceValues) else 1])


def _concat_slices(op: Operation, reaching: ReachingValues) -> Expansion:
    terms = [Tensor(v) for v in op.operands]
    first = IntegerAttr(0, i64)
    values = Concat.of(*(_part(SliceValues, t) for t in terms), axis=first)
    indices = Concat.of(*(_part(SliceIndices, t) for t in terms), axis=first)
    return MakeSlices.emit_as([values.value, indices.value], op.results[0].type)


def _part(part: type[SliceValues] | type[SliceIndices], slices: Tensor) -> Tensor:
    made = slices.value.owner
    if isinstance(made, MakeSlices):
        return Tensor(made.operands[0 if part is SliceValues else 1])
    return part.of(slices)


def _operand(op: Operation, reaching: ReachingValues) -> Expansion:
    return Tensor(op.operands[0])


def _densify(op: Operation, reaching: ReachingValues) -> Expansion:
    slices = Tensor(op.operands[0])
    return None if reaching.holds(slices.value) else Densify.of(_put_together(slices))


def _replace_rows(op: Operation, reaching: ReachingValues) -> Expansion:
    base, slices = (Tensor(v) for v in op.operands)
    return None if reaching.holds(slices.value) else ReplaceRows.of(base, _put_together(slices))


def _put_together(slices: Tensor) -> Tensor:
    """Puts slices together anew, since a kernel takes rows and indices as tensors."""
    parts = [SliceValues.of(slices).value, SliceIndices.of(slices).value]
    return MakeSlices.emit_as(parts, slices.type)


def _sum_with_slices(op: Operation, reaching: ReachingValues) -> Expansion:
    """Adds up the dense terms, then the rows of each slices in place."""
    terms = [Tensor(v) for v in op.operands]
    sparse = [t for t in terms if isinstance(t.type, SlicesType)]
    if not sparse:
        return None
    rest = [t for t in terms if not isinstance(t.type, SlicesType)]
    if not rest:
        rest = [Densify.of(sparse.pop(0))]
    total = rest[0] if len(rest) == 1 else AddN.of(*rest)
    for slices in sparse:
        total = Add.of(total, Densify.of(slices))
    return total


def _reduction(op: Operation, reaching: ReachingValues) -> Expansion:
    """Makes a reshape of a reduction over axes of extent 1, and reduces the last axes of a transpose for inner axes."""
    assert isinstance(op, Reduction)
    if not runs_natively(op):
        return None
    shape = shape_of_type(op.operands[0].type)
    long = [axis for axis, extent in enumerate(shape) if extent != 1]
    reduced = [axis for axis in long if axis in op.reduced]
    if not reduced:
        return Reshape.to(op.x, op.y.extents)
    if reduced in (long[: len(reduced)], long[len(long) - len(reduced) :]):
        return None
    kept = [axis for axis in range(len(shape)) if axis not in reduced]
    if long[-1] in reduced:
        turned = Transpose.ordered(op.x, [*kept, *reduced])
        total = type(op).over(turned, range(len(kept), len(shape)))
    else:  # so that neighbours in memory are lanes of vectors
        turned = Transpose.ordered(op.x, [*reduced, *kept])
        total = type(op).over(turned, range(len(reduced)))
    return total if total.extents == op.y.extents else Reshape.to(total, op.y.extents)


def _product(op: Operation, reaching: ReachingValues) -> Expansion:
    """Transposes a large transposed operand first, unless the product copies it anyway.

    The product would read a few elements of each row at a time, again for each panel of columns.
    """
    assert isinstance(op, MatMul)
    a, b = (Tensor(v) for v in op.operands)
    columns = shape_of_type(op.result_types[0])[-1]
    if (
        reaching.copies_operands
        or not op.transposes[0]
        or columns < MANY_COLUMNS
        or math.prod(a.extents) < LARGE_OPERAND
    ):
        return None
    return MatMul.product(Transpose.matrices(a), b, transpose_b=op.transposes[1])


RULES: dict[type[Operation], Rule] = {
    ReadRows: _read_rows,
    Update: _update,
    Fill: _fill,
    Constant: _constant,
    Gate: _gate,
    CopyTo: _copy_to,
    Identity: _operand,
    StopGradient: _operand,
    Densify: _densify,
    ReplaceRows: _replace_rows,
    SliceValues: _slice_part,
    SliceIndices: _slice_part,
    ConcatSlices: _concat_slices,
    AddN: _sum_with_slices,
    Reduction: _reduction,
    MatMul: _product,
}
