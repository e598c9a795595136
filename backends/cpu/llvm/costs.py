"""A rough cost model of level `loops`: nanoseconds of one thread, from the bytes that an operation computes.

Measured with AVX2 and AVX-512, data in the second cache: within a factor of three of what a kernel takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import cache, partial
from math import prod

from xdsl.dialects import arith, func, memref, scf, vector
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, MemRefType, VectorType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from pullback.backends.cpu.llvm_types import size_in_bytes
from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.ir.by_identity import by_identity
from pullback.dialects.upstream.gather import GatherOp, ScatterOp
from pullback.dialects.upstream.memref import CopyOp
from pullback.dialects.upstream.scf import ParallelOp
from pullback.dialects.upstream.vector import ReductionOp

HOST = 1e6
"""The cost of an operation of the host, and of anything that is not known."""
UNKNOWN_TRIPS = 1 << 10
"""The trip count of a loop whose bounds are not known."""
SCALAR = 0.2
"""Of an operation on a scalar, or on a vector of up to `PIECE` bytes."""
PIECE = 32
PER_BYTE_MOVED = 0.02
"""Of loads, stores and copies, for each byte."""
PER_LANE_INDEXED = 0.8
"""Of gathers and scatters."""
PER_BYTE_DIVIDED = 0.04
"""Of divisions and square roots."""
PER_BYTE_OF_FUNCTION = 0.05
"""Of functions of mathematics on vectors: 0.2 ns for each f32."""
SCALAR_FUNCTION = 5.0
FREE = (arith.ConstantOp, memref.GetGlobalOp, scf.YieldOp, scf.ReduceOp, scf.ConditionOp, vector.InsertOp)
DIVISIONS = frozenset({"arith.divf", "arith.remf", "math.sqrt", "math.rsqrt"})
INSTRUCTIONS = frozenset(
    {"math.absf", "math.fma", "math.floor", "math.ceil", "math.trunc", "math.copysign", "math.sqrt"}
)
"""Operations of the dialect that are an instruction or two."""


class Costs:
    """The costs of the operations of one module, of these functions."""

    def __init__(self, functions: Mapping[str, func.FuncOp]) -> None:
        self.functions = functions
        self._known: dict[str, float] = {}
        self._of_blocks: dict[Block, float] = {}

    def of(self, op: Operation) -> float:
        """The cost of one operation, its regions and callees included."""
        if not op.regions and type(op) not in _WITH_COSTS_OF_THEIR_OWN:  # nearly all
            return _of_one(op)
        match op:
            case func.CallOp():
                return self._function(op.callee.string_value())
            case scf.ForOp():
                return trips(op.lb, op.ub, op.step) * self.block(op.body.block)
            case ParallelOp():
                bounds = zip(op.lowerBound, op.upperBound, op.step, strict=True)
                return prod(trips(*bound) for bound in bounds) * self.block(op.body.block)
            case scf.WhileOp():
                return UNKNOWN_TRIPS * sum(self.block(region.block) for region in op.regions)
            case CopyOp() | memref.CopyOp():
                return SCALAR + _bytes_of(op.operands[0]) * PER_BYTE_MOVED
            case _:
                inner = [self.block(block) for region in op.regions for block in region.blocks]
                return sum(inner, _of_one(op))

    def block(self, block: Block) -> float:
        """The cost of running a block once."""
        if block not in self._of_blocks:
            self._of_blocks[block] = sum(map(self.of, block.ops))
        return self._of_blocks[block]

    def is_straight(self, name: str) -> bool:
        """Whether a function is straight code of its own, which any thread may run."""
        function = self.functions.get(name)
        if function is None or not function.body.blocks or is_host_function(function):
            return False
        return not any(op.regions or isinstance(op, func.CallOp) for op in function.body.block.ops)

    def _function(self, name: str) -> float:
        if name not in self._known:
            function = self.functions.get(name)
            self._known[name] = HOST  # also for one that calls itself
            if function is not None and function.body.blocks and not is_host_function(function):
                self._known[name] = self.block(function.body.block)
        return self._known[name]


def trips(lower: SSAValue, upper: SSAValue, step: SSAValue) -> int:
    """The trip count of a loop of these bounds, at least 1."""
    values = [_constant(lower), _constant(upper), _constant(step)]
    if (part := _length_of_part(lower, upper)) is not None:
        values[:2] = 0, part
    if None in values:
        return UNKNOWN_TRIPS
    low, high, by = (value or 0 for value in values)
    return max(1, (high - low) // max(1, by))


def _length_of_part(lower: SSAValue, upper: SSAValue) -> int | None:
    """The trips between the bounds of a part of a longer loop, of which the last may be shorter."""
    match upper.owner:
        case arith.AddiOp(lhs=start, rhs=length) if start is lower:
            return _constant(length)
        case arith.MinUIOp(lhs=end):
            return _length_of_part(lower, end)
        case _:
            return None


def _constant(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


_WITH_COSTS_OF_THEIR_OWN = frozenset({func.CallOp, CopyOp, memref.CopyOp})


def _of_one(op: Operation) -> float:
    """The cost of an operation without regions: of its result, or of what it stores."""
    if type(op) is ReductionOp:
        return _of_halves(op.vector.type)
    value = next(iter(op.results or op.operands), None)
    return _cost(type(op), None) if value is None else _costs_of_class(type(op))(value.type)


@by_identity
def _of_halves(type: Attribute) -> float:
    """The cost of combining the lanes of a vector: half by half."""
    assert isinstance(type, VectorType)
    bytes = prod(type.get_shape()) * _bytes_of_scalar(type.element_type)
    return 3 * SCALAR * (bytes // PIECE + 3)


@cache
def _costs_of_class(kind: type[Operation]) -> Callable[[Attribute], float]:
    """What operations of a class cost, by the type of their values."""
    return by_identity(partial(_cost, kind))


def _cost(kind: type[Operation], type: Attribute | None) -> float:
    """The cost of an operation on values of a type."""
    sort = _sort_of(kind)
    if sort is _Sort.FREE:
        return 0.0
    if not isinstance(type, VectorType):
        is_function = kind.name.startswith("math.") and kind.name not in INSTRUCTIONS
        return SCALAR_FUNCTION if is_function else SCALAR
    lanes = prod(type.get_shape())
    bytes = lanes * _bytes_of_scalar(type.element_type)
    match sort:
        case _Sort.MOVE:
            return max(SCALAR, bytes * PER_BYTE_MOVED)
        case _Sort.INDEXED:
            return lanes * PER_LANE_INDEXED
        case _Sort.DIVISION:
            return bytes * PER_BYTE_DIVIDED
        case _Sort.FUNCTION:
            return bytes * PER_BYTE_OF_FUNCTION
        case _:
            return SCALAR * max(1, bytes // PIECE)


_MOVES = (
    vector.LoadOp | vector.StoreOp | vector.MaskedLoadOp | vector.MaskedStoreOp
    | vector.TransferReadOp | vector.TransferWriteOp
)  # fmt: skip


class _Sort(Enum):
    """The sorts of operations that cost differently."""

    FREE = auto()
    MOVE = auto()
    INDEXED = auto()
    DIVISION = auto()
    FUNCTION = auto()
    OTHER = auto()


@cache
def _sort_of(kind: type[Operation]) -> _Sort:
    if issubclass(kind, FREE):
        return _Sort.FREE
    if issubclass(kind, _MOVES):
        return _Sort.MOVE
    if issubclass(kind, GatherOp | ScatterOp):
        return _Sort.INDEXED
    if kind.name in DIVISIONS:
        return _Sort.DIVISION
    if kind.name.startswith("math.") and kind.name not in INSTRUCTIONS:
        return _Sort.FUNCTION
    return _Sort.OTHER


def _bytes_of_scalar(type: Attribute) -> int:
    try:
        return size_in_bytes(type)
    except ValueError:  # i1
        return 1


def _bytes_of(value: SSAValue) -> float:
    """The bytes of a memref; as long as `HOST` takes to copy where its size is not known."""
    assert isinstance(value.type, MemRefType)
    shape = value.type.get_shape()
    if DYNAMIC_INDEX in shape:
        return HOST / PER_BYTE_MOVED
    return prod(shape) * _bytes_of_scalar(value.type.element_type)
