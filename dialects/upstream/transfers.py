"""`vector.transfer_read` and `vector.transfer_write` of level `loops`: in bounds, without a mask.

A vector need not lie along the last dimensions of memory: %column has an element of each of four rows.

    %column = vector.transfer_read %a[%row, %k], %zero {permutation_map = affine_map<(d0, d1) -> (d0)>, …}
        : memref<128x512xf32>, vector<4xf32>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, BoolAttr, DenseArrayBase, i32
from xdsl.dialects.vector import TransferReadOp, TransferWriteOp
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.types import vector_type


def transfer_read(
    base: SSAValue, indices: Sequence[SSAValue], padding: SSAValue, dims: tuple[int, ...], *shape: int
) -> TransferReadOp:
    """A vector of this shape from an element on, along these dimensions of a memref."""
    properties = {**_transfer(len(indices), dims), "operandSegmentSizes": _segments(1, len(indices), 1, 0)}
    type_ = vector_type(padding.type, *shape)
    return new_operation(TransferReadOp, [base, *indices, padding], [type_], properties)


def transfer_write(
    value: SSAValue, base: SSAValue, indices: Sequence[SSAValue], dims: tuple[int, ...]
) -> TransferWriteOp:
    """Stores a vector from an element on, along these dimensions of a memref."""
    properties = {**_transfer(len(indices), dims), "operandSegmentSizes": _segments(1, 1, len(indices), 0)}
    return new_operation(TransferWriteOp, [value, base, *indices], (), properties)


def transferred_dims(op: TransferReadOp | TransferWriteOp) -> list[int]:
    """The dimensions of the memref that those of the vector lie along; ValueError for what level `loops` has not."""
    dims = [e.position for e in op.permutation_map.data.results if isinstance(e, AffineDimExpr)]
    is_within = all(bool(flag.value.data) for flag in op.in_bounds)
    if op.mask is not None or not is_within or len(dims) < len(op.permutation_map.data.results):
        raise ValueError("expected a transfer that is in bounds along all dimensions, without a mask")
    return dims


@lru_cache(maxsize=1 << 10)
def _transfer(rank: int, dims: tuple[int, ...]) -> Mapping[str, Attribute]:
    """The properties of a transfer along some dimensions of memory of a rank, the same objects for equal ones."""
    return {
        "in_bounds": ArrayAttr([BoolAttr.from_bool(True)] * len(dims)),
        "permutation_map": AffineMapAttr(AffineMap(rank, 0, tuple(AffineDimExpr(d) for d in dims))),
    }


@lru_cache(maxsize=1 << 10)
def _segments(*sizes: int) -> DenseArrayBase:
    """How the operands are sorted."""
    return DenseArrayBase.from_list(i32, sizes)
