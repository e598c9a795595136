"""Losses: cross entropies, with the names and arguments of `tf.nn`, and half the sum of squares."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.losses import (
    L2Loss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SparseSoftmaxCrossEntropy,
)
from pullback.dialects.graph.elementwise.logistic import Softplus
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.op.families import is_float, is_integer
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import checked_axis
from pullback.frontend.operands.checked_dtypes import of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = [
    "l2_loss",
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits",
]


def softmax_cross_entropy_with_logits(
    labels: Operand, logits: Operand, axis: int = -1, name: str | None = None
) -> Tensor:
    """-sum(labels * log_softmax(logits)) along `axis`, without overflow.

    Args:
        labels: weights of the classes, of the shape of the logits; they have a gradient, too.
        logits: floating-point numbers.
        axis: of the classes, counted from the end if negative.
        name: of the operation.

    Raises:
        ValueError: for shapes or dtypes that differ, a dtype that is no floating point, an axis that does not exist.
    """
    what = "softmax_cross_entropy_with_logits"
    weights, scores = tensors(labels, logits, op=what)
    of_dtype(scores, is_float, f"{what}: logits")
    at = checked_axis(axis, scores.ndim, what)
    return named_as(name, lambda: SoftmaxCrossEntropy.of(*(_with_last(t, at) for t in (scores, weights))))


def sparse_softmax_cross_entropy_with_logits(
    labels: Operand, logits: Operand, name: str | None = None
) -> Tensor:
    """-log_softmax(logits) of the class that each label names, without overflow; NaN for a label that names none.

    Args:
        labels: integers, of the shape of the logits without the last axis.
        logits: floating-point numbers; the classes are along the last axis.
        name: of the operation.

    Raises:
        ValueError: for shapes that do not fit, labels that are no integers, logits that are no floating point.
    """
    what = "sparse_softmax_cross_entropy_with_logits"
    numbers, scores = as_tensor(labels, f"{what}: labels"), as_tensor(logits, f"{what}: logits")
    of_dtype(scores, is_float, f"{what}: logits")
    of_dtype(numbers, is_integer, f"{what}: labels")
    return named_as(name, lambda: SparseSoftmaxCrossEntropy.of(scores, numbers))


def sigmoid_cross_entropy_with_logits(labels: Operand, logits: Operand, name: str | None = None) -> Tensor:
    """-labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), without overflow.

    Args:
        labels: probabilities; they have a gradient, too.
        logits: floating-point numbers that broadcast with the labels.
        name: of the operation.
    """
    what = "sigmoid_cross_entropy_with_logits"
    probabilities, scores = tensors(labels, logits, op=what)
    of_dtype(scores, is_float, f"{what}: logits")
    return named_as(name, lambda: SigmoidCrossEntropy.of(scores, probabilities))


def weighted_cross_entropy_with_logits(
    labels: Operand, logits: Operand, pos_weight: Operand, name: str | None = None
) -> Tensor:
    """`sigmoid_cross_entropy_with_logits` whose first term is multiplied by `pos_weight`, which broadcasts too."""
    what = "weighted_cross_entropy_with_logits"
    weight, probabilities, scores = tensors(pos_weight, labels, logits, op=what)
    of_dtype(scores, is_float, f"{what}: logits")
    positive = Softplus.of(-scores) * (1 + (weight - 1) * probabilities)
    return named_as(name, lambda: (1 - probabilities) * scores + positive)


def l2_loss(x: Operand, name: str | None = None) -> Tensor:
    """Half the sum of the squares of all elements."""
    value = of_dtype(as_tensor(x, "l2_loss"), is_float, "l2_loss")
    return named_as(name, lambda: L2Loss.of(value))


def _with_last(x: Tensor, axis: int) -> Tensor:
    """`x` with one of its axes moved to the end."""
    if axis == x.ndim - 1:
        return x
    order = [*(a for a in range(x.ndim) if a != axis), axis]
    return Transpose.ordered(x, order)
