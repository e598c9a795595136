"""Arithmetic beyond sums and products: signs, squares, bounds, and quotients and products without NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import ml_dtypes
import numpy as np
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Cast, Minimum, Where, takes_first
from pullback.dialects.graph.elementwise.complex_numbers import Imag
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.op.checks import check_operand_dtypes
from pullback.dialects.graph.op.families import (
    Binary,
    Elementwise,
    Unary,
    any_dtype,
    broadcast,
    check_dtype,
    real_numeric,
    real_or_truth,
)
from pullback.dialects.graph.op.graph_op import (
    Array,
    Broadcasts,
    GradientTerms,
    NotDifferentiable,
    Properties,
    graph_op,
)
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import absolute, copysign, maximum, minimum, select, sqrt
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    element_type_of,
    is_complex,
    is_float,
    is_inexact,
    numpy_dtype,
    real_type_of,
    shape_of_type,
    tensor_type,
)


@graph_op
class Abs(Unary):
    """The magnitude, real for complex numbers too; its gradient at 0 is 0."""

    name = "graph.abs"
    EXACT: ClassVar = real_or_truth
    IDEMPOTENT: ClassVar = any_dtype
    EVEN: ClassVar = True
    NUMPY: ClassVar = np.abs
    SCALAR: ClassVar = staticmethod(absolute)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = super().infer(operands, properties)
        return [tensor_type(real_type_of(element_type_of(type_)), shape_of_type(type_))]

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Cast.to(dy, self.x.element_type) * Sign.of(self.x),)


def sign(x: Scalar) -> Scalar:
    """-1, 0 or 1; NaN stays NaN."""
    return select(x > 0, 1, select(x < 0, -1, select(x.equal(0), 0, x)))


@graph_op
class Sign(Unary):
    """-1, 0 or 1, with zeros as its gradient; x / |x| for complex numbers, 0 at 0."""

    name = "graph.sign"
    EXACT: ClassVar = real_or_truth
    IDEMPOTENT: ClassVar = real_or_truth
    NUMPY: ClassVar = np.sign
    SCALAR: ClassVar = staticmethod(sign)

    def gradient(self, dy: Tensor) -> GradientTerms:
        if not is_complex(self.x.element_type):
            return (Fill.full(0, dy.type, *dynamic_shape(dy)),)
        # x / |x| changes with the angle of x, and not with its magnitude.
        turn = DivNoNan.of(Imag.of(dy * conj(self.y)), Abs.of(self.x))
        return (1j * self.y * Cast.to(turn, self.x.element_type),)


@graph_op
class Square(Unary):
    """x * x."""

    name = "graph.square"
    EXACT: ClassVar = any_dtype
    EVEN: ClassVar = True
    NUMPY: ClassVar = np.square

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return x * x

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (2 * conj(self.x)),)


@graph_op
class SquaredDifference(Binary):
    """(a - b) * (a - b)."""

    name = "graph.squared_difference"
    EXACT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric

    def body(self, *operands: Scalar) -> Scalar:
        a, b = operands
        return (a - b) * (a - b)

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        return np.square(a - b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        da = dy * (2 * (self.a - self.b))
        return da, -da


@graph_op
class Reciprocal(Unary):
    """1 / x."""

    name = "graph.reciprocal"
    EXACT: ClassVar = real_or_truth
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.reciprocal

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return 1 / x

    def gradient(self, dy: Tensor) -> GradientTerms:
        y = conj(self.y)
        return (-dy * y * y,)


@graph_op
class DivNoNan(Binary):
    """a / b, and 0 where b is 0."""

    name = "graph.div_no_nan"
    EXACT: ClassVar = real_or_truth
    DTYPES: ClassVar = is_inexact

    def body(self, *operands: Scalar) -> Scalar:
        a, b = operands
        return select(b.equal(0), 0, a / b)

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(b == 0, a.dtype.type(0), a / b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        da = DivNoNan.of(dy, conj(self.b))
        return da, -(da * conj(self.y))


@graph_op
class MulNoNan(Binary):
    """a * b, and 0 where b is 0, even if a is infinite or NaN."""

    name = "graph.mul_no_nan"
    EXACT: ClassVar = any_dtype
    DTYPES: ClassVar = is_inexact

    def body(self, *operands: Scalar) -> Scalar:
        a, b = operands
        return select(b.equal(0), 0, a * b)

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        with np.errstate(invalid="ignore"):
            return np.where(b == 0, a.dtype.type(0), a * b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return MulNoNan.of(dy, conj(self.b)), MulNoNan.of(conj(self.a), dy)


@graph_op
class Copysign(Binary):
    """The magnitude of a with the sign of b (for a NaN, either); no gradient flows to b, and it is 0 where a is 0."""

    name = "graph.copysign"
    EXACT: ClassVar = any_dtype
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.copysign
    SCALAR: ClassVar = staticmethod(copysign)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy * (Sign.of(self.a) * Copysign.of(1, self.b)), None


def hypot(a: Scalar, b: Scalar) -> Scalar:
    """The scalar body of `hypot`: scaled by the larger operand, so that squares do not overflow; inf if either is."""
    a, b = absolute(a), absolute(b)
    large, small = maximum(a, b), minimum(a, b)
    ratio = select(small.equal(large), 1, small / large)
    return select(
        a.equal(np.inf) | b.equal(np.inf),
        np.inf,
        select(large.equal(0), 0, large * sqrt(ratio * ratio + 1)),
    )


@graph_op
class Hypot(Binary):
    """sqrt(a * a + b * b), without overflow on the way; its gradient at 0 is 0."""

    name = "graph.hypot"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.hypot
    SCALAR: ClassVar = staticmethod(hypot)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy * DivNoNan.of(self.a, self.y), dy * DivNoNan.of(self.b, self.y)


@graph_op
class Clip(Elementwise):
    """x limited to the interval from the lower to the upper bound; the lower one, where they cross.

    All three operands broadcast. Where x equals a bound the gradient goes to x; of NaNs, to the first one.
    """

    name = "graph.clip"
    EXACT: ClassVar = any_dtype
    EXAMPLES: ClassVar = ("%r = graph.clip %x, %s, %v : (MATRIX, tensor<f32>, VECTOR) -> MATRIX",)
    DTYPES: ClassVar = real_numeric
    operand = operand_def(AnyAttr())
    lower = operand_def(AnyAttr())
    upper = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), Broadcasts())

    def body(self, *operands: Scalar) -> Scalar:
        x, lower, upper = operands
        return maximum(minimum(x, upper), lower)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        element_type = element_type_of(operands[0])
        check_operand_dtypes(cls.name, *operands)
        check_dtype(cls, element_type)
        return [tensor_type(element_type, broadcast(cls.name, *operands))]

    def numpy(self, *operands: Array) -> Any:
        x, lower, upper = operands
        return np.maximum(np.minimum(x, upper), lower)

    def gradient(self, dy: Tensor) -> GradientTerms:
        x, lower, upper = map(Tensor, self._operands)
        least = Minimum.of(x, upper)
        is_high_enough, is_low_enough = (
            takes_first(least, lower, least >= lower),
            takes_first(x, upper, x <= upper),
        )
        within = Where.of(is_high_enough, dy, 0)
        return (
            Where.of(is_low_enough, within, 0),
            Where.of(is_high_enough, 0, dy),
            Where.of(is_low_enough, 0, within),
        )


def bounded(x: Tensor, limit: float) -> Tensor:
    """Clips `x` to -limit … limit, for a rule that is constant beyond: so no order of it multiplies infinity by 0."""
    return Clip.of(x, -limit, limit)


def finite(x: Tensor) -> Tensor:
    """Replaces infinities in `x` by the largest finite numbers; complex tensors stay as they are."""
    if is_complex(x.element_type):
        return x
    return bounded(x, float(ml_dtypes.finfo(numpy_dtype(x.element_type)).max))


@graph_op
class NextAfter(Binary):
    """The next representable number after a in the direction of b; a where they are equal."""

    name = "graph.nextafter"
    DTYPES: ClassVar = is_float
    EXACT: ClassVar = is_float
    NUMPY: ClassVar = np.nextafter
    traits = traits_def(Pure(), Broadcasts(), NotDifferentiable())
