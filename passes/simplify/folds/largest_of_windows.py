"""Folds a choice between 0 and the gradient of max pooling by the images that are pooled: what is pooled can decide.

    %g = graph.max_pool2d_gradient %x, %dy                    %p = graph.max_pool2d %x, which is there
    %c = graph.less_equal %x, %zero                           %c = graph.less_equal %p, %zero
    %r = graph.where %c, %zero, %g                       ->   %d = graph.where %c, %zero, %dy
                                                              %r = graph.max_pool2d_gradient %x, %d

The gradient is 0 but at the largest elements, and these are what is pooled. So it is with the mask of a `relu` before
the pooling, which has as many elements as there are windows then.
"""

from __future__ import annotations

from math import copysign

from xdsl.ir import Operation

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import (
    Equal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    NotEqual,
)
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.windows.pooling import MaxPool2D, MaxPool2DGradient
from pullback.passes.simplify.matching import Folded, folds, number_in, producer, same_type

COMPARISONS = (Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual)


@folds(Where)
def mask_of_largest(op: Where) -> Folded:
    """Where images decide between 0 and the gradient of their pooling, what is pooled decides before."""
    condition, *branches = (Tensor(v) for v in op.operands)
    for at in (0, 1):
        gradient = producer(branches[at], MaxPool2DGradient)
        if gradient is None or not _is_zero(branches[1 - at]):
            continue
        pooled = _pooled_before(op, gradient)
        result = op.results[0].type
        if (
            pooled is None
            or not same_type(gradient.results[0].type, result)
            or len(list(branches[at].value.uses)) > 1
        ):
            continue
        images, dy = (Tensor(v) for v in gradient.operands)
        made = producer(dy, Reshape)
        source = dy if made is None else Tensor(made.operands[0])
        compared = _compared(condition, images, pooled, source)
        if compared is not None:
            kept = Where.of(compared, *((source, 0) if at == 0 else (0, source)))
            kept = kept if made is None else Reshape.to(kept, dy.extents)
            return MaxPool2DGradient.of(images, kept, **gradient.properties)
    return None


def _is_zero(tensor: Tensor) -> bool:
    number = number_in(tensor)
    return number is not None and number == 0 and copysign(1, number.real) > 0


def _compared(condition: Tensor, images: Tensor, pooled: Tensor, like: Tensor) -> Tensor | None:
    """The comparison of images with a number, as one of what is pooled; zeros of either sign compare as equal.

    It has the shape of the gradient that it is for, so that one kernel makes that and chooses.
    """
    for comparison in COMPARISONS:
        made = producer(condition, comparison)
        if made is None:
            continue
        sides = [Tensor(v) for v in made.operands]
        for at in (0, 1):
            number = number_in(sides[1 - at])
            if sides[at].value is images.value and number is not None:
                other = Fill.scalar(number, sides[1 - at].element_type)
                if like.extents != pooled.extents:
                    pooled = Reshape.to(pooled, like.extents)
                return comparison.of(*((pooled, other) if at == 0 else (other, pooled)))
    return None


def _pooled_before(op: Operation, gradient: MaxPool2DGradient) -> Tensor | None:
    """What is pooled of the same windows of the same images, if it comes before an operation in its block."""
    for use in gradient.operands[0].uses:
        user = use.operation
        if (
            isinstance(user, MaxPool2D)
            and user.properties == gradient.properties
            and user.parent is op.parent
        ):
            return Tensor(user.results[0]) if user.is_before_in_block(op) else None
    return None
