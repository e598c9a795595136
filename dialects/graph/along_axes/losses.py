"""Loss functions: cross entropies of classification, and `l2_loss`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.half_precision import rule_in_accumulators
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.along_axes.softmax import (
    LogSoftmax,
    Softmax,
    log_softmax_array,
    shifted,
    shifted_array,
)
from pullback.dialects.graph.by_index.extents import extent_of, extents_of
from pullback.dialects.graph.by_index.sequences import Iota
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import Equal, LogicalAnd
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.logistic import Sigmoid
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.checks import check_tensor
from pullback.dialects.graph.op.families import Accepts, Binary, Composite, OfDtypes, check_dtype, is_float
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import absolute, exp, log1p, select
from pullback.dialects.graph.tensor.accumulators import summed, widened
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    is_integer,
    shape_of_type,
    tensor_type,
)


class CrossEntropy(OfDtypes, Composite):
    """A cross entropy between labels and the softmax of logits along the last axis, that of the classes."""

    DTYPES: ClassVar[Accepts] = is_float
    logits_operand = operand_def(AnyAttr())
    labels_operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def logits(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def labels(self) -> Tensor:
        return Tensor(self._operands[1])

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        logits, labels = operands
        check_tensor(cls.name, logits, "logits")
        shape = shape_of_type(logits)
        check_dtype(cls, element_type_of(logits))
        if not shape:
            raise GraphError(f"{cls.name}: rank_c3: logits must have at least rank 1, got {logits}")
        cls.check_labels(logits, labels)
        rows = map(
            max, shape[:-1], shape_of_type(labels)
        )  # `?` in one of them is below every extent of the other
        return [tensor_type(element_type_of(logits), rows)]

    @classmethod
    def check_labels(cls, logits: Attribute, labels: Attribute) -> None:
        """Checks that labels fit the logits."""
        raise NotImplementedError


@graph_op
class SoftmaxCrossEntropy(CrossEntropy):
    """The cross entropy of labels, which are weights of classes, and the softmax of logits: -labels * log_softmax.

    The gradient is right for labels of any sum, and also exists with respect to the labels.
    """

    name = "graph.softmax_cross_entropy"
    EXAMPLES: ClassVar = ("%r = graph.softmax_cross_entropy %x, %x : (MATRIX, MATRIX) -> tensor<2xf32>",)

    @classmethod
    def check_labels(cls, logits: Attribute, labels: Attribute) -> None:
        if element_type_of(logits) != element_type_of(labels):
            raise GraphError(f"{cls.name}: dtype_c2: logits are {logits}, labels {labels}: cast one of them")
        if not compatible_shapes(shape_of_type(logits), shape_of_type(labels)):
            raise GraphError(f"{cls.name}: labels_c1: shapes differ: logits are {logits}, labels {labels}")

    def numpy(self, *operands: Array) -> Any:
        logits, labels = operands
        terms = widened(labels) * log_softmax_array(logits, -1)
        return -summed(terms, -1).astype(logits.dtype, copy=False)

    def expand(self) -> Tensor:
        return -Sum.over(self.labels * LogSoftmax.along(self.logits), -1)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        rows = ExpandDims.at(dy, [dy.ndim])
        total = Sum.over(self.labels, -1, keepdims=True)
        of_logits = Softmax.along(self.logits) * total - self.labels
        return of_logits * rows, -LogSoftmax.along(self.logits) * rows


@graph_op
class SparseSoftmaxCrossEntropy(CrossEntropy):
    """The cross entropy of labels, which are class indices, and the softmax of logits; NaN for indices out of range."""

    name = "graph.sparse_softmax_cross_entropy"
    EXAMPLES: ClassVar = (
        "%r = graph.sparse_softmax_cross_entropy %x, %j : (MATRIX, tensor<2xi32>) -> tensor<2xf32>",
    )

    @classmethod
    def check_labels(cls, logits: Attribute, labels: Attribute) -> None:
        if not is_integer(element_type_of(labels)):
            raise GraphError(f"{cls.name}: dtype_c5: labels must be integers, got {labels}")
        if not compatible_shapes(shape_of_type(logits)[:-1], shape_of_type(labels)):
            raise GraphError(
                f"{cls.name}: labels_c2: labels must have the shape of logits without the last axis: logits are "
                f"{logits}, labels {labels}"
            )

    def numpy(self, *operands: Array) -> Any:
        logits, labels = operands
        number = labels.astype(np.int64)
        inside = (number >= 0) & (number < logits.shape[-1])
        if not np.any(inside):
            return np.full(labels.shape, np.nan, logits.dtype)
        x = shifted_array(logits, -1)
        chosen = np.take_along_axis(x, np.where(inside, number, 0)[..., None], axis=-1)[..., 0]
        loss = (np.log(summed(np.exp(x), -1)) - chosen).astype(logits.dtype, copy=False)
        return np.where(inside, loss, loss.dtype.type(np.nan))

    def expand(self) -> Tensor:
        x = shifted(self.logits, -1)
        chosen = Sum.over(Where.of(self.hits(), x, 0), -1, keepdims=True)
        loss = Log.of(Sum.over(Exp.of(x), -1, keepdims=True)) - chosen
        return Reshape.to(self.checked(loss), Tensor(self.results[0]).extents)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        softmax = Softmax.along(self.logits)
        rows = ExpandDims.at(dy, [dy.ndim])
        return self.checked(Where.of(self.hits(), softmax - 1, softmax) * rows), None

    def hits(self) -> Tensor:
        """Computes for each logit whether it is that of its row's label (one-hot)."""
        classes = self.logits.extents[-1]
        if classes == DYNAMIC_INDEX:
            extents = extents_of(self.logits, [self.logits.ndim - 1])
            numbers = Iota.along(0, tensor_type(i32, (DYNAMIC_INDEX,)), [extents.value])
        else:
            numbers = Constant.from_array(np.arange(classes, dtype=np.int32))
        return Equal.of(Cast.to(self.rows, i32), numbers)

    @property
    def rows(self) -> Tensor:
        """Reshapes the labels so that they broadcast against the logits."""
        return ExpandDims.at(self.labels, [self.labels.ndim])

    def checked(self, value: Tensor) -> Tensor:
        """Replaces a value per row, or per logit, by NaN where the label is out of range."""
        number = self.rows
        number = number if number.element_type == i64 else Cast.to(number, i32)
        classes: int | Tensor = self.logits.extents[-1]
        if classes == DYNAMIC_INDEX:
            classes = Cast.to(extent_of(self.logits, self.logits.ndim - 1), number.element_type)
        inside = LogicalAnd.of(number >= 0, number < classes)
        return Where.of(inside, value, Fill.scalar(math.nan, value.element_type))


@graph_op
class SigmoidCrossEntropy(Binary):
    """The cross entropy of labels, which are probabilities, and the sigmoid of logits.

    -labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), as x * ((x > 0) - labels) +
    log1p(exp(-|x|)): it does not overflow, and no two large terms cancel (max(x, 0) - x * labels would).
    """

    name = "graph.sigmoid_cross_entropy"
    EXAMPLES: ClassVar = ("%r = graph.sigmoid_cross_entropy %x, %x : MATRIX",)
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        x, labels = operands
        return x * (select(x > 0, x.like(1), 0) - labels) + log1p(exp(-absolute(x)))

    def numpy(self, *operands: Array) -> Any:
        x, labels = operands
        return x * ((x > 0).astype(x.dtype) - labels) + np.log1p(np.exp(-np.abs(x)))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy * (Sigmoid.of(self.a) - self.b), -dy * self.a


@graph_op
class L2Loss(OfDtypes, Composite):
    """Half the sum of the squares of all elements."""

    name = "graph.l2_loss"
    DTYPES: ClassVar = is_float
    EXAMPLES: ClassVar = ("%r = graph.l2_loss %x : (MATRIX) -> tensor<f32>",)
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        check_tensor(cls.name, operands[0], "the operand")
        check_dtype(cls, element_type_of(operands[0]))
        return [tensor_type(element_type_of(operands[0]), ())]

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        wide = widened(x)
        return (summed(wide * wide) / 2).astype(x.dtype, copy=False)

    def expand(self) -> Tensor:
        return Sum.over(self.x * self.x) / 2

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * self.x,)
