"""Prints scalar ops as CUDA C++ expressions of their operands, which are names or literals; of vectors, by lane.

The expression initialises a variable of the result's type, which converts it: unsigned to signed, bit by bit.
"""

from __future__ import annotations

from xdsl.dialects.gpu import DimensionAttr
from xdsl.ir import Operation

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.cast_expressions import CONVERSIONS, HALF
from pullback.backends.cuda.comparison_expressions import COMPARISONS
from pullback.backends.cuda.expression import Expression, calling, infix, is_single
from pullback.backends.cuda.functions import CLASSIFICATIONS, MATH, call
from pullback.backends.cuda.integer_expressions import INTEGER_ARITHMETIC
from pullback.backends.cuda.literals import negatable
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.upstream.types import element_type_of


def _math(name: str) -> Expression:
    def compute(types: CTypes, op: Operation, *operands: str) -> str:
        return call(name + ("f" if is_single(op.operands[0].type) else ""), *operands)

    return compute


def _negf(types: CTypes, op: Operation, a: str) -> str:
    return f"-{negatable(a)}"


def _fpowi(types: CTypes, op: Operation, a: str, n: str) -> str:
    return call("pow", f"(double){a}", f"(double){n}")


def _clampf(types: CTypes, op: Operation, value: str, low: str, high: str) -> str:
    return call("minimum", call("maximum", value, low), high)


def _coordinate(name: str) -> Expression:
    def read(types: CTypes, op: Operation) -> str:
        dimension = op.properties["dimension"]
        assert isinstance(dimension, DimensionAttr)
        return f"{name}.{dimension.data}"

    return read


EXPRESSIONS: dict[str, Expression] = {
    **{name: _math(function) for name, function in MATH.items()},
    **{name: calling(function) for name, function in CLASSIFICATIONS.items()},
    "math.clampf": _clampf,
    "math.fpowi": _fpowi,
    "vector.fma": _math("fma"),
    "arith.addf": infix("+"),
    "arith.subf": infix("-"),
    "arith.mulf": infix("*"),
    "arith.divf": infix("/"),
    "arith.negf": _negf,
    "arith.maximumf": calling("maximum"),
    "arith.minimumf": calling("minimum"),
    **INTEGER_ARITHMETIC,
    **COMPARISONS,
    **CONVERSIONS,
    "gpu.block_id": _coordinate("blockIdx"),
    "gpu.thread_id": _coordinate("threadIdx"),
    "gpu.block_dim": _coordinate("blockDim"),
    "gpu.grid_dim": _coordinate("gridDim"),
}
"""Ops by name, so that a redeclared op class and the original print the same."""
OF_HALF = frozenset({"arith.extf", "arith.truncf", "arith.select"})
"""The ops that half precision, which text holds as bits, may take part in."""


def expression(types: CTypes, op: Operation, *operands: str) -> str:
    """The text of an op of `EXPRESSIONS`; UnsupportedError for arithmetic of half precision."""
    if op.name not in OF_HALF:
        for value in (*op.operands, *op.results):
            if (type_ := element_type_of(value.type)) in HALF:
                raise UnsupportedError(
                    f"{op.name} of {type_} has no CUDA text: widen operands by arith.extf, compute in f32, and round "
                    "the result by arith.truncf"
                )
    return EXPRESSIONS[op.name](types, op, *operands)
