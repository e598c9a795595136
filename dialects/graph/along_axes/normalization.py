"""Layer, batch and RMS normalization, and the addition of a bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, FloatAttr, IntegerAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.half_precision import rule_in_accumulators
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.along_axes.statistics import Mean, element_count
from pullback.dialects.graph.elementwise.basic import is_zero
from pullback.dialects.graph.elementwise.exponential import Rsqrt
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.checks import check_axes, check_axis, check_tensor
from pullback.dialects.graph.op.families import Accepts, Composite, OfDtypes, check_dtype, is_float, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import averaged, widened
from pullback.dialects.graph.tensor.attributes import integer_list
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)


@graph_op
class BiasAdd(OfDtypes, Composite):
    """The operand plus a bias of rank 1 along `axis`, broadcast along all other axes."""

    name = "graph.bias_add"
    DTYPES: ClassVar = numeric
    EXAMPLES: ClassVar = ("%r = graph.bias_add %x, %v {axis = 1 : i64} : (MATRIX, VECTOR) -> MATRIX",)
    operand = operand_def(AnyAttr())
    bias = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def others(self) -> list[int]:
        """Every axis but that of the bias."""
        assert isinstance(self.axis, IntegerAttr)
        return [axis for axis in range(self.x.ndim) if axis != self.axis.value.data]

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        type_, bias = operands
        check_tensor(cls.name, type_, "the operand")
        check_dtype(cls, element_type_of(type_))
        axis = check_axis(cls.name, properties, shape_of_type(type_))
        check_parameter(cls.name, "the bias", bias, type_, [axis])
        return [type_]

    def numpy(self, *operands: Array) -> Any:
        x, bias = operands
        return x + np.expand_dims(bias, self.others)

    def expand(self) -> Tensor:
        return self.x + ExpandDims.at(Tensor(self._operands[1]), self.others)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, Sum.over(dy, self.others)


def check_parameter(op: str, what: str, given: Attribute, x: Attribute, axes: Sequence[int]) -> None:
    """Checks that a parameter has the dtype of `x`, and its extents along these axes."""
    if element_type_of(given) != element_type_of(x):
        raise GraphError(f"{op}: dtype_c2: {what} is {given}, for an operand of {x}: cast one of them")
    shape = [shape_of_type(x)[axis] for axis in axes]
    if not compatible_shapes(shape_of_type(given), shape):
        raise GraphError(f"{op}: parameter_c1: {what} must have the shape {format_shape(shape)}, got {given}")


class Normalization(OfDtypes, Composite):
    """A normalization over `axes` with parameters; `epsilon` is added before the square root is taken."""

    DTYPES: ClassVar[Accepts] = is_float
    axes = prop_def(DenseArrayBase)
    epsilon = prop_def(base(FloatAttr))
    traits = traits_def(Pure())

    @classmethod
    def parameter_axes(cls, rank: int, reduced: Sequence[int]) -> Sequence[int]:
        """The axes of the operand that the parameters have."""
        return reduced

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def reduced(self) -> tuple[int, ...]:
        """The axes over which the statistics are computed, ascending."""
        return tuple(integer_list(self.properties, "axes"))

    @property
    def increment(self) -> float:
        """Epsilon as a number."""
        assert isinstance(self.epsilon, FloatAttr)
        return self.epsilon.value.data

    @property
    def others(self) -> list[int]:
        """Every axis that the parameters do not have."""
        along = self.parameter_axes(self.x.ndim, self.reduced)
        return [axis for axis in range(self.x.ndim) if axis not in along]

    def parameter(self, number: int) -> Tensor:
        """Reshapes a parameter so that it broadcasts against the operand."""
        return ExpandDims.at(Tensor(self._operands[number]), self.others)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        type_, *parameters = operands
        check_tensor(cls.name, type_, "the operand")
        element_type = element_type_of(type_)
        check_dtype(cls, element_type)
        shape, reduced = shape_of_type(type_), integer_list(properties, "axes")
        check_axes(cls.name, reduced, type_)
        axes = cls.parameter_axes(len(shape), reduced)
        for what, parameter in zip(("the scale", "the offset"), parameters, strict=False):
            check_parameter(cls.name, what, parameter, type_, axes)
        statistic = tensor_type(element_type, (n for i, n in enumerate(shape) if i not in reduced))
        return [type_, *[statistic] * (len(cls.get_irdl_definition().results) - 1)]

    # ---- arrays -----------------------------------------------------------------------------------------

    def widened(self, operands: Sequence[Array]) -> list[Array]:
        """Converts operands to the dtype of the computation, and reshapes parameters to broadcast against the first."""
        x, *parameters = map(widened, operands)
        return [x, *(np.expand_dims(p, self.others) for p in parameters)]


class Centered(Normalization):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset."""

    operand = operand_def(AnyAttr())
    scale = operand_def(AnyAttr())
    offset = operand_def(AnyAttr())
    result = result_def(AnyAttr())

    def centered(self) -> tuple[Tensor, Tensor, Tensor]:
        """Computes the mean, the operand minus its mean, and the variance; reduced axes stay as extents of 1."""
        mean = Mean.over(self.x, self.reduced, keepdims=True)
        centered = self.x - mean
        return mean, centered, Mean.over(centered * centered, self.reduced, keepdims=True)

    def statistics(self, *operands: Array) -> tuple[Array, Array, Array]:
        """Computes the result, the mean and the variance of arrays; statistics keep their axes, as extents of 1."""
        x, scale, offset = self.widened(operands)
        mean = averaged(x, self.reduced, keepdims=True)
        variance = averaged(np.square(x - mean), self.reduced, keepdims=True)
        y = (x - mean) / np.sqrt(variance + x.dtype.type(self.increment)) * scale + offset
        kind = operands[0].dtype
        return y.astype(kind), mean.astype(kind), variance.astype(kind)

    def terms(self, dy: Tensor, centered: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Computes the gradients through the first result, given the statistics."""
        inverse = Rsqrt.of(variance + self.increment)
        normalized = centered * inverse
        scaled = dy * self.parameter(1)
        across = Mean.over(scaled * normalized, self.reduced, keepdims=True)
        mean = Mean.over(scaled, self.reduced, keepdims=True)
        of_scale, of_offset = Sum.over(dy * normalized, self.others), Sum.over(dy, self.others)
        return inverse * (scaled - mean - normalized * across), of_scale, of_offset


@graph_op
class LayerNorm(Centered):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset. Parameters have the `axes` of the statistics."""

    name = "graph.layer_norm"
    EXAMPLES: ClassVar = (
        """%r = graph.layer_norm %x, %v, %v {axes = array<i64: 1>, epsilon = 1.0e-05 : f64}
      : (MATRIX, VECTOR, VECTOR) -> MATRIX""",
    )

    def numpy(self, *operands: Array) -> Any:
        return self.statistics(*operands)[0]

    def expand(self) -> Tensor:
        _, centered, variance = self.centered()
        return centered * Rsqrt.of(variance + self.increment) * self.parameter(1) + self.parameter(2)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        _, centered, variance = self.centered()
        return self.terms(dy, centered, variance)


@graph_op
class BatchNorm(Centered):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with the mean and the variance as further results.

    Statistics are computed over `axes`; the parameters have the other axes. The variance is that of the batch, the
    mean of the squares (not the unbiased estimate).
    """

    name = "graph.batch_norm"
    EXAMPLES: ClassVar = (
        """%r:3 = graph.batch_norm %x, %v, %v {axes = array<i64: 0>, epsilon = 1.0e-03 : f64}
      : (MATRIX, VECTOR, VECTOR) -> (MATRIX, VECTOR, VECTOR)""",
    )
    mean = result_def(AnyAttr())
    variance = result_def(AnyAttr())

    @classmethod
    def parameter_axes(cls, rank: int, reduced: Sequence[int]) -> Sequence[int]:
        return [axis for axis in range(rank) if axis not in reduced]

    def numpy(self, *operands: Array) -> Any:
        y, *statistics = self.statistics(*operands)
        return y, *(np.squeeze(a, axis=self.reduced) for a in statistics)

    def expand(self) -> tuple[Tensor, ...]:
        mean, centered, variance = self.centered()
        y = centered * Rsqrt.of(variance + self.increment) * self.parameter(1) + self.parameter(2)
        return y, *(Reshape.to(t, Tensor(self.results[1]).extents) for t in (mean, variance))

    @rule_in_accumulators
    def gradient(self, *dys: Tensor) -> GradientTerms:
        dy, of_mean, of_variance = dys
        _, centered, variance = self.centered()
        count = element_count(self.x, self.reduced)
        inverse = Rsqrt.of(variance + self.increment)
        # The scale does not run along the axes that are summed over, so these two sums are all that is needed.
        across, total = (Sum.over(t, self.reduced, keepdims=True) for t in (dy * centered, dy))
        of_scale, of_offset = across * inverse, total
        of_x = inverse * self.parameter(1) * (dy - total / count - centered * (of_scale * inverse / count))
        if not is_zero(of_mean):
            of_x = of_x + ExpandDims.at(of_mean, self.reduced) / count
        if not is_zero(of_variance):
            of_x = of_x + centered * (2 * ExpandDims.at(of_variance, self.reduced) / count)
        extents = Tensor(self._operands[1]).extents
        return of_x, *(Reshape.to(t, extents) for t in (of_scale, of_offset))


@graph_op
class RmsNorm(Normalization):
    """x / sqrt(mean(x * x) + epsilon) * scale: the mean over `axes`, which the scale has too."""

    name = "graph.rms_norm"
    EXAMPLES: ClassVar = (
        """%r = graph.rms_norm %x, %v {axes = array<i64: 1>, epsilon = 1.0e-06 : f64}
      : (MATRIX, VECTOR) -> MATRIX""",
    )
    operand = operand_def(AnyAttr())
    scale = operand_def(AnyAttr())
    result = result_def(AnyAttr())

    def numpy(self, *operands: Array) -> Any:
        x, scale = self.widened(operands)
        size = np.sqrt(averaged(np.square(x), self.reduced, keepdims=True) + x.dtype.type(self.increment))
        return (x / size * scale).astype(operands[0].dtype)

    def inverse(self) -> Tensor:
        """Computes one over the root mean square; the reduced axes stay, as extents of 1."""
        return Rsqrt.of(Mean.over(self.x * self.x, self.reduced, keepdims=True) + self.increment)

    def expand(self) -> Tensor:
        return self.x * self.inverse() * self.parameter(1)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        inverse = self.inverse()
        normalized, scaled = self.x * inverse, dy * self.parameter(1)
        across = Mean.over(scaled * normalized, self.reduced, keepdims=True)
        return inverse * (scaled - normalized * across), Sum.over(dy * normalized, self.others)
