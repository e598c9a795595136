"""Mosaics that compute their pieces: what stands between a piece and its place is moved out of the way.

    %r = graph.reshape %y : 32x16x2x16x2x64 -> 32x32x32x64      %y is computed, element by element
    %x = graph.where %m, %zero, %r
    %p = graph.mosaic %x, %zeros, …                             %x with a border
    %f = graph.contract %images, %x                             reads %x whole

becomes

    %n = graph.reshape %m : 32x32x32x64 -> 32x16x2x16x2x64
    %z = graph.where %n, %zero, %y                              shares the loops of %y
    %x = graph.reshape %z : 32x16x2x16x2x64 -> 32x32x32x64
    %p = graph.mosaic %x, %zeros, …
    %f = graph.contract %images, %p                             reads the inner part of %p

So nothing but the mosaic reads %x, whose kernel can compute it where it is put (`rematerialize`).
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.movement.mosaic import Mosaic
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.affine_maps import map_of
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.indexed import Pointwise, Uniform
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.rewriting.same_device import place_like


def prepare_mosaics(function: func.FuncOp) -> None:
    """Rewrites what makes the pieces of mosaics in a function, and what else reads these."""
    for block in [
        block for op in operations_within(function) for region in op.regions for block in region.blocks
    ]:
        for op in list(block.ops):
            if isinstance(op, Mosaic):
                for number in range(len(op.operands)):
                    _prepare(op, number)


def _prepare(mosaic: Mosaic, number: int) -> None:
    piece = mosaic.operands[number]
    if isinstance(piece, BlockArgument):
        _read_aligned(mosaic, number)
        return
    while (found := _without_reshape(piece)) is not None:
        piece = found
    source = piece.owner
    if isinstance(source, Reshape):
        source = source.operands[0].owner
    if not isinstance(source, Pointwise) or source.parent is not mosaic.parent:
        return
    others = [use for use in piece.uses if use.operation is not mosaic]
    readers = [use.operation for use in others]
    if not all(isinstance(op, Contract) and op.parent is mosaic.parent for op in readers):
        return
    if others and all(device_of_op(op) == device_of_op(mosaic) for op in readers):
        _move_up(mosaic, piece)
        for use in others:
            assert isinstance(use.operation, Contract)
            _read_inside(use.operation, use.index, mosaic, number)


def _read_aligned(mosaic: Mosaic, number: int) -> None:
    """Has contractions read vectors of an input in a mosaic: nobody knows on which address an array of users begins."""
    piece = mosaic.operands[number]
    for use in list(piece.uses):
        op = use.operation
        if not isinstance(op, Contract) or op.parent is not mosaic.parent or use.index != 1:
            continue
        if device_of_op(op) == device_of_op(mosaic):
            _read_inside(op, use.index, mosaic, number)


def _without_reshape(piece: SSAValue) -> SSAValue | None:
    """Has a pointwise operation on a reshape compute what is reshaped; gives its result, or `None` where it is not."""
    op = piece.owner
    if not isinstance(op, Pointwise) or op.parent is None or len(op.results) != 1:
        return None
    shape = shape_of_type(piece.type)
    shaped = [v for v in op.operands if shape_of_type(v.type) == shape]
    if any(shape_of_type(v.type) not in (shape, ()) for v in op.operands):
        return None
    turned = [v for v in shaped if _is_reshape_of_computed(v)]
    if not turned:
        return None
    inner = Tensor(turned[0].owner.operands[0]).extents  # pyright: ignore[reportAttributeAccessIssue] a reshape
    made: list[Operation] = []
    with inserting(made.append):
        operands = [_reshaped(v, inner) if v in shaped else v for v in op.operands]
        (computed,) = op.emit(operands, op.properties).results
        result = Reshape.to(Tensor(computed), shape).value
    for new in made:
        new.location = op.location
        place_like(new, op)
        op.parent.insert_op_before(new, op)
    result.name_hint = piece.name_hint
    piece.replace_all_uses_with(result)
    op.detach()
    op.erase()
    return result


def _is_reshape_of_computed(value: SSAValue) -> bool:
    """Tells whether a value is another one, which is computed element by element, for it alone, in another shape."""
    op = value.owner
    if not isinstance(op, Reshape) or len(op.operands) != 1 or not value.has_one_use():
        return False
    return isinstance(op.operands[0].owner, Pointwise) and op.operands[0].has_one_use()


def _reshaped(value: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    if isinstance(value.owner, Reshape) and shape_of_type(value.owner.operands[0].type) == shape:
        return value.owner.operands[0]
    return Reshape.to(Tensor(value), shape).value


def _move_up(mosaic: Mosaic, piece: SSAValue) -> None:
    """Moves a mosaic to where its piece is known, if all else that it is made of are numbers."""
    last = piece.owner
    others = [v.owner for v in mosaic.operands if v is not piece]
    if not isinstance(last, GraphOp) or not all(isinstance(op, Uniform) and not op.operands for op in others):
        return
    block = last.parent
    assert block is not None
    for op in (*dict.fromkeys(others), mosaic):
        assert isinstance(op, Operation)
        if op is mosaic or (op.parent is block and not op.is_before_in_block(last)):
            op.detach()
            block.insert_op_after(op, last)
            last = op


def _read_inside(contract: Contract, at: int, mosaic: Mosaic, number: int) -> None:
    """Has a contraction read a piece where it is in a mosaic that comes before."""
    if not mosaic.is_before_in_block(contract):
        return
    rank = len(contract.iteration_shape())
    positions = list(contract.positions)
    positions[at] = tuple(c + offset for c, offset in zip(positions[at], mosaic.offset(number), strict=True))
    contract.operands[at] = mosaic.results[0]
    contract.properties["indexing_maps"] = ArrayAttr([map_of(p, rank) for p in positions])
