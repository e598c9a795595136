"""Comparisons, tests and logic: results are truth values (i1), through which no gradient flows."""

from __future__ import annotations

import operator
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import i1

from pullback.dialects.graph.op.families import (
    BinaryPredicate,
    UnaryPredicate,
    any_dtype,
    is_truth,
    numeric,
    real_numeric,
)
from pullback.dialects.graph.op.graph_op import graph_op
from pullback.dialects.graph.op.scalar import Scalar, constant, emit, with_element_type
from pullback.dialects.graph.op.scalar_functions import copysign
from pullback.dialects.graph.tensor.types import is_float


@graph_op
class Equal(BinaryPredicate):
    """Whether a is equal to b; NaN is equal to nothing."""

    name = "graph.equal"
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.equal
    SCALAR: ClassVar = Scalar.equal


@graph_op
class NotEqual(BinaryPredicate):
    """Whether a is not equal to b; NaN is equal to nothing."""

    name = "graph.not_equal"
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.not_equal
    SCALAR: ClassVar = Scalar.not_equal


@graph_op
class Greater(BinaryPredicate):
    """Whether a > b."""

    name = "graph.greater"
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.greater
    SCALAR: ClassVar = operator.gt


@graph_op
class GreaterEqual(BinaryPredicate):
    """Whether a >= b."""

    name = "graph.greater_equal"
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.greater_equal
    SCALAR: ClassVar = operator.ge


@graph_op
class Less(BinaryPredicate):
    """Whether a < b."""

    name = "graph.less"
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.less
    SCALAR: ClassVar = operator.lt


@graph_op
class LessEqual(BinaryPredicate):
    """Whether a <= b."""

    name = "graph.less_equal"
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.less_equal
    SCALAR: ClassVar = operator.le


# ---- tests --------------------------------------------------------------------------------------------------


def _classified(op: str, x: Scalar, of_integers: bool) -> Scalar:
    """Emits a classification of floats, whose result is constant for integers."""
    result = with_element_type(x.type, i1)
    return emit(op, result, x) if is_float(x.element_type) else constant(of_integers, result)


def _is_nan(x: Scalar) -> Scalar:
    return _classified("math.isnan", x, False)


def _is_infinite(x: Scalar) -> Scalar:
    return _classified("math.isinf", x, False)


def _is_finite(x: Scalar) -> Scalar:
    return _classified("math.isfinite", x, True)


@graph_op
class IsNaN(UnaryPredicate):
    """Whether x is not a number (of complex numbers, whether a part is not)."""

    name = "graph.isnan"
    DTYPES: ClassVar = numeric
    NUMPY: ClassVar = np.isnan
    SCALAR: ClassVar = staticmethod(_is_nan)


@graph_op
class IsInf(UnaryPredicate):
    """Whether x is an infinity (of complex numbers, whether a part is)."""

    name = "graph.isinf"
    DTYPES: ClassVar = numeric
    NUMPY: ClassVar = np.isinf
    SCALAR: ClassVar = staticmethod(_is_infinite)


@graph_op
class IsFinite(UnaryPredicate):
    """Whether x is neither an infinity nor NaN (of complex numbers, whether both parts are neither)."""

    name = "graph.isfinite"
    DTYPES: ClassVar = numeric
    NUMPY: ClassVar = np.isfinite
    SCALAR: ClassVar = staticmethod(_is_finite)


def _has_sign(x: Scalar) -> Scalar:
    return copysign(x.like(1), x) < 0


@graph_op
class SignBit(UnaryPredicate):
    """Whether the sign of x is set: of negative numbers, of -0.0, and of some NaNs."""

    name = "graph.signbit"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.signbit
    SCALAR: ClassVar = staticmethod(_has_sign)


# ---- logic --------------------------------------------------------------------------------------------------


@graph_op
class LogicalAnd(BinaryPredicate):
    """Whether both a and b hold."""

    name = "graph.logical_and"
    EXAMPLES: ClassVar = ("%r = graph.logical_and %c, %e : (tensor<3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>",)
    DTYPES: ClassVar = is_truth
    NUMPY: ClassVar = np.logical_and
    SCALAR: ClassVar = operator.and_


@graph_op
class LogicalOr(BinaryPredicate):
    """Whether a or b holds."""

    name = "graph.logical_or"
    EXAMPLES: ClassVar = ("%r = graph.logical_or %c, %e : (tensor<3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>",)
    DTYPES: ClassVar = is_truth
    NUMPY: ClassVar = np.logical_or
    SCALAR: ClassVar = operator.or_


@graph_op
class LogicalXor(BinaryPredicate):
    """Whether just one of a and b holds."""

    name = "graph.logical_xor"
    EXAMPLES: ClassVar = ("%r = graph.logical_xor %c, %e : (tensor<3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>",)
    DTYPES: ClassVar = is_truth
    NUMPY: ClassVar = np.logical_xor
    SCALAR: ClassVar = operator.xor


@graph_op
class LogicalNot(UnaryPredicate):
    """Whether x does not hold."""

    name = "graph.logical_not"
    INVOLUTION: ClassVar = True
    EXAMPLES: ClassVar = ("%r = graph.logical_not %c : tensor<3xi1>",)
    DTYPES: ClassVar = is_truth
    NUMPY: ClassVar = np.logical_not
    SCALAR: ClassVar = Scalar.__invert__
