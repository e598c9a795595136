"""Bitwise operations on integers, which are logic on truth values, and shifts."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

import numpy as np
from xdsl.irdl import traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op import scalar_functions
from pullback.dialects.graph.op.families import Binary, Unary, any_dtype, integer_or_truth
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable, graph_op
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.types import is_integer


class BinaryBitwise(Binary):
    """A bitwise operation of two operands of integers or truth values."""

    DTYPES: ClassVar = integer_or_truth
    EXACT: ClassVar = any_dtype
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def examples(cls) -> tuple[str, ...]:
        return (f"%r = {cls.name} %l, %i : (tensor<2x4xi32>, tensor<4xi32>) -> tensor<2x4xi32>",)


@graph_op
class BitwiseAnd(BinaryBitwise):
    """The bits that are set in both a and b."""

    name = "graph.bitwise_and"
    NUMPY: ClassVar = np.bitwise_and
    SCALAR: ClassVar = operator.and_


@graph_op
class BitwiseOr(BinaryBitwise):
    """The bits that are set in a or b."""

    name = "graph.bitwise_or"
    NUMPY: ClassVar = np.bitwise_or
    SCALAR: ClassVar = operator.or_


@graph_op
class BitwiseXor(BinaryBitwise):
    """The bits that are set in just one of a and b."""

    name = "graph.bitwise_xor"
    NUMPY: ClassVar = np.bitwise_xor
    SCALAR: ClassVar = operator.xor


@graph_op
class BitwiseInvert(Unary):
    """The bits that are not set in x."""

    name = "graph.bitwise_invert"
    EXACT: ClassVar = any_dtype
    INVOLUTION: ClassVar = True
    EXAMPLES: ClassVar = ("%r = graph.bitwise_invert %i : tensor<4xi32>",)
    DTYPES: ClassVar = integer_or_truth
    NUMPY: ClassVar = np.invert
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = Scalar.__invert__


# ---- shifts: by less than 0, or by the width of the dtype or more, every bit of a is shifted out ---------------


class Shift(BinaryBitwise):
    """a with its bits shifted by b."""

    DTYPES: ClassVar = is_integer


@graph_op
class BitwiseLeftShift(Shift):
    """The bits of a shifted left by b, zeros shifted in; 0 where b is negative or not less than the width."""

    name = "graph.bitwise_left_shift"
    NUMPY: ClassVar = np.left_shift
    SCALAR: ClassVar = staticmethod(scalar_functions.shift_left)


@graph_op
class BitwiseRightShift(Shift):
    """The arithmetic shift of a right by b, copies of the sign shifted in: a / 2^b rounded down.

    Where b is negative or not less than the width, only copies of the sign remain.
    """

    name = "graph.bitwise_right_shift"
    NUMPY: ClassVar = np.right_shift
    SCALAR: ClassVar = staticmethod(scalar_functions.shift_right_arithmetic)


@graph_op
class RightShiftLogical(Shift):
    """The logical shift of a right by b, zeros shifted in; 0 where b is negative or not less than the width."""

    name = "graph.right_shift_logical"
    SCALAR: ClassVar = staticmethod(scalar_functions.shift_right_logical)

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        unsigned = f"u{a.dtype.itemsize}"
        return np.right_shift(a.astype(unsigned), b.astype(unsigned)).astype(a.dtype)
