"""Rounding to whole numbers, floor division and its remainder."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from xdsl.irdl import traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op import scalar_functions
from pullback.dialects.graph.op.families import Binary, Unary, any_dtype, numeric, real_numeric
from pullback.dialects.graph.op.graph_op import Broadcasts, GradientTerms, NotDifferentiable, graph_op
from pullback.dialects.graph.op.oracles import rounding
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import (
    copysign,
    floor_divide_integers,
    remainder,
    remainder_of_floats,
    select,
)
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_float


def _of_floats(function: Callable[[Scalar], Scalar]) -> Callable[[Scalar], Scalar]:
    """Makes the scalar body of a rounding function, which returns integers unchanged."""
    return lambda x: function(x) if is_float(x.element_type) else x


@graph_op
class Floor(Unary):
    """The largest whole number that is not above x."""

    name = "graph.floor"
    EXACT: ClassVar = any_dtype
    IDEMPOTENT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = staticmethod(rounding(np.floor))
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(_of_floats(scalar_functions.floor))


@graph_op
class Ceil(Unary):
    """The smallest whole number that is not below x."""

    name = "graph.ceil"
    EXACT: ClassVar = any_dtype
    IDEMPOTENT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = staticmethod(rounding(np.ceil))
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(_of_floats(scalar_functions.ceil))


@graph_op
class Round(Unary):
    """The nearest whole number; halves go to the even one. Of complex numbers, that of each part."""

    name = "graph.round"
    EXACT: ClassVar = any_dtype
    IDEMPOTENT: ClassVar = any_dtype
    DTYPES: ClassVar = numeric
    NUMPY: ClassVar = staticmethod(rounding(np.rint))
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(_of_floats(scalar_functions.round_even))


@graph_op
class Trunc(Unary):
    """x without its fraction."""

    name = "graph.trunc"
    EXACT: ClassVar = any_dtype
    IDEMPOTENT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = staticmethod(rounding(np.trunc))
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(_of_floats(scalar_functions.trunc))


def floor_divide(a: Scalar, b: Scalar) -> Scalar:
    """The scalar body of floor division: the quotient that fits the remainder, as in Python."""
    if not is_float(a.element_type):
        return floor_divide_integers(a, b)
    rest = remainder_of_floats(a, b)
    toward_zero = (a - rest) / b
    exact = select(rest.not_equal(0) & ((rest < 0) ^ (b < 0)), toward_zero - 1, toward_zero)
    whole = scalar_functions.floor(exact)
    # A whole number, but for the rounding of the division.
    nearest = select(exact - whole > 0.5, whole + 1, whole)
    signed = select(exact.equal(0), copysign(exact.like(0), a / b), nearest)
    return select(b.equal(0), a / b, signed)


@graph_op
class FloorDivide(Binary):
    """a / b rounded down, as in Python and NumPy; for integers 0 where b is 0.

    It is the quotient that fits `remainder`, even where a / b itself rounds up to a whole number.
    """

    name = "graph.floor_divide"
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.floor_divide
    traits = traits_def(Pure(), Broadcasts(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(floor_divide)
    EXPENSIVE: ClassVar = True


@graph_op
class Remainder(Binary):
    """The remainder of `floor_divide`, with the sign of b, as in Python and NumPy; for integers 0 where b is 0."""

    name = "graph.remainder"
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.remainder
    SCALAR: ClassVar = staticmethod(remainder)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, dy * -FloorDivide.of(self.a, self.b)
