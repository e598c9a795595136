"""The `gpu` ops of level `gpu` in upstream MLIR's own spelling.

xDSL 0.74 has most of these ops, but prints them only in generic form, keeps `kernel` and `known_block_size`
under names that `mlir-opt` refuses, and lacks `gpu.shuffle`. A decorated xDSL op cannot be refined, so those
that differ are declared anew here; `Gpu` is xDSL's dialect with them in place.
"""

from __future__ import annotations

from abc import ABC
from enum import auto
from typing import ClassVar

from xdsl.dialects import gpu
from xdsl.dialects.builtin import (
    IndexType,
    IntegerAttr,
    MemRefType,
    i1,
    i32,
    i64,
)
from xdsl.dialects.gpu import DimensionAttr, DimensionEnum
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import (
    Pure,
)
from xdsl.utils.str_enum import StrEnum

from pullback.dialects.upstream.gpu_functions import FuncOp, LaunchFuncOp, ModuleOp, ReturnOp
from pullback.dialects.upstream.gpu_memory import AllocOp, DeallocOp, MemcpyOp, MemsetOp
from pullback.dialects.upstream.redeclared import with_operations

SHARED_MEMORY = IntegerAttr(3, i64)
"""The memory space that the threads of a block share: a `memref.global` there has one copy per block."""

UNROLL = "graph.unroll"
"""The attribute of an `scf.for` whose trips are to be code of their own, so that local arrays stay in registers."""


def is_shared(type_: Attribute) -> bool:
    """Tells whether a type is a memref in shared memory."""
    return isinstance(type_, MemRefType) and type_.memory_space == SHARED_MEMORY


class ShuffleMode(StrEnum):
    """The ways in which a lane of a warp names the lane it reads from."""

    XOR = auto()
    UP = auto()
    DOWN = auto()
    IDX = auto()


@irdl_attr_definition
class ShuffleModeAttr(EnumAttribute[ShuffleMode], SpacedOpaqueSyntaxAttribute):
    """`#gpu<shuffle_mode xor>`."""

    name = "gpu.shuffle_mode"


class _Coordinate(IRDLOperation, ABC):
    """An op whose index result depends on the dimension `x`, `y` or `z` alone."""

    dimension = prop_def(DimensionAttr)
    result = result_def(IndexType())
    traits = traits_def(Pure())
    assembly_format = "$dimension attr-dict"

    def __init__(self, dimension: str | DimensionAttr = "x") -> None:
        if isinstance(dimension, str):
            dimension = DimensionAttr(DimensionEnum(dimension))
        super().__init__(result_types=[IndexType()], properties={"dimension": dimension})


@irdl_op_definition
class BlockIdOp(_Coordinate):
    """The block's index in the grid."""

    name = "gpu.block_id"


@irdl_op_definition
class ThreadIdOp(_Coordinate):
    """The thread's index in its block."""

    name = "gpu.thread_id"


@irdl_op_definition
class BlockDimOp(_Coordinate):
    """The number of threads in a block."""

    name = "gpu.block_dim"


@irdl_op_definition
class GridDimOp(_Coordinate):
    """The number of blocks in the grid."""

    name = "gpu.grid_dim"


@irdl_op_definition
class BarrierOp(IRDLOperation):
    """A barrier: all threads of a block wait here; their writes before are visible to all of them after."""

    name = "gpu.barrier"
    assembly_format = "attr-dict"

    def __init__(self) -> None:
        super().__init__()


@irdl_op_definition
class ShuffleOp(IRDLOperation):
    """Reads `value` of another lane of the same warp; `valid` tells whether that lane is within `width`."""

    name = "gpu.shuffle"
    T: ClassVar = VarConstraint("T", AnyAttr())

    mode = prop_def(ShuffleModeAttr)
    value = operand_def(T)
    offset = operand_def(i32)
    width = operand_def(i32)
    shuffle_result = result_def(T)
    valid = result_def(i1)
    traits = traits_def()
    assembly_format = "$mode $value `,` $offset `,` $width attr-dict `:` type($value)"

    def __init__(self, mode: ShuffleMode, value: SSAValue, offset: SSAValue, width: SSAValue) -> None:
        super().__init__(
            operands=[value, offset, width],
            result_types=[value.type, i1],
            properties={"mode": ShuffleModeAttr(mode)},
        )


Gpu = with_operations(
    gpu.GPU,
    AllocOp,
    BarrierOp,
    BlockDimOp,
    BlockIdOp,
    DeallocOp,
    FuncOp,
    GridDimOp,
    LaunchFuncOp,
    MemcpyOp,
    MemsetOp,
    ModuleOp,
    ReturnOp,
    ShuffleOp,
    ThreadIdOp,
    attributes=(ShuffleModeAttr,),
)
