"""Second factors that contractions read where they lie: a transpose of filters, say, which CPUs copy anyway.

    %t = graph.transpose %f {permutation = [0, 1, 3, 2]} : 3x3x32x64 -> 3x3x64x32
    %y = graph.contract %x, %t                      reads %t at (i, j, c, o), and packs it in panels

becomes

    %y = graph.contract %x, %f                      reads %f at (i, j, o, c), and turns it around while it packs it

A view that only contractions read so is made by no kernel.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import SSAValue

from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.op.access import AffineAccess, RowMajorAccess, StoredAccess
from pullback.dialects.graph.op.affine import Position, delinearize, linear
from pullback.dialects.graph.op.affine_maps import map_of
from pullback.dialects.graph.op.indexed import View, access_of
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.operations_within import operations_within


def read_factors_in_place(function: func.FuncOp) -> None:
    """Has contractions of a function read what views show as their second factor, where nothing else reads these."""
    contractions = [op for op in operations_within(function) if isinstance(op, Contract)]
    while sum(map(_read_in_place, contractions)):  # rounds through all of them
        pass


def _read_in_place(contract: Contract) -> bool:
    """Takes one view from between a contraction and its second factor; tells whether there was one."""
    view = contract.operands[1].owner
    if (
        not isinstance(view, View)
        or view.parent is not contract.parent
        or not _is_factor(contract.operands[1])
    ):
        return False
    position = _behind(view, contract.positions[1], contract.iteration_shape())
    if position is None or device_of_op(view) != device_of_op(contract):
        return False
    rank = len(contract.iteration_shape())
    contract.operands[1] = view.operands[0]
    contract.properties["indexing_maps"] = ArrayAttr(
        [map_of(p, rank) for p in (contract.positions[0], position)]
    )
    if len(view.results) == 1 and not view.results[0].uses:
        view.detach()
        view.erase()
    return True


def _is_factor(value: SSAValue) -> bool:
    """Tells whether contractions alone read a value, as their second factor."""
    return all(isinstance(use.operation, Contract) and use.index == 1 for use in value.uses)


def _behind(view: View, point: Position, space: tuple[int, ...]) -> Position | None:
    """The position of the operand at which a view has the element of this point; `None` where none is affine."""
    match access_of(view, 0):
        case StoredAccess(access):
            return access.at(point, len(space))
        case AffineAccess() as access:
            return access.at(point, len(space))
        case RowMajorAccess() if isinstance(view.operands[0].owner, View):  # alone it costs nothing
            offset = linear(point, view.iteration_shape(), len(space))
            return delinearize(offset, shape_of_type(view.operands[0].type), space)
        case _:
            return None
