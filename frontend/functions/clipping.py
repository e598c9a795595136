"""Clipping of values, or of norms, to bounds; of slices the rows are clipped.

A norm is summed in f32 where the dtype is narrower, and has the gradient 0 at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, f32, i64

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.norms import EuclideanNorm
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Cast, Divide, Maximum, Minimum, Multiply
from pullback.dialects.graph.movement.shapes import Reshape, Size
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS
from pullback.dialects.graph.tensor.tensor import Number, Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    compatible_shapes,
    format_shape,
    is_float,
)
from pullback.frontend.functions.creation import checked_number
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.operands.axes import Axes, checked_axes
from pullback.frontend.operands.convert import as_tensor

__all__ = ["clip_by_average_norm", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]

Clipped = Tensor | IndexedSlices
Last: TypeAlias = Callable[[], Tensor]
"""Makes the last operation, which bears the name."""


def clip_by_value(
    t: Operand, clip_value_min: Operand, clip_value_max: Operand, name: str | None = None
) -> Clipped:
    """`maximum(minimum(t, clip_value_max), clip_value_min)`: where the bounds cross, the lower one counts.

    Args:
        t: a tensor, or slices.
        clip_value_min, clip_value_max: numbers or tensors of its dtype; they broadcast to its shape.
        name: of the operation.

    Raises:
        ValueError: a bound is larger than `t`.
    """

    def clipped(values: Tensor) -> Last:
        values, low, high = tensors(values, clip_value_min, clip_value_max, op="clip_by_value")
        below = Minimum.of(values, high)
        return lambda: Maximum.of(below, low)

    return _on_rows(t, "clip_by_value", clipped, name)


def clip_by_norm(t: Operand, clip_norm: Operand, axes: Axes = None, name: str | None = None) -> Clipped:
    """`t * clip_norm / maximum(norm, clip_norm)`, where `norm` is the Euclidean norm of `t` along `axes`.

    Args:
        t: a tensor, or slices, of a real floating-point dtype.
        clip_norm: a number above 0, or a tensor that broadcasts to the shape of `t`.
        axes: along which the norm is taken; all of them unless given.
        name: of the operation.

    Raises:
        ValueError: for anything else.
    """
    _check_limit(clip_norm, "clip_by_norm")

    def clipped(values: Tensor) -> Last:
        norm = _norm(values, checked_axes(axes, values.ndim, "clip_by_norm"), keepdims=True)
        return _scaled(values, norm, clip_norm)

    return _on_rows(t, "clip_by_norm", clipped, name)


def clip_by_average_norm(t: Operand, clip_norm: Operand, name: str | None = None) -> Clipped:
    """`clip_by_norm` for the norm of `t` divided by the number of its elements."""
    _check_limit(clip_norm, "clip_by_average_norm")

    def clipped(values: Tensor) -> Last:
        norm = _norm(values, range(values.ndim))
        return _scaled(values, norm / Cast.to(Size.of(values), norm.element_type), clip_norm)

    return _on_rows(t, "clip_by_average_norm", clipped, name)


def global_norm(t_list: Sequence[Operand | None], name: str | None = None) -> Tensor:
    """The Euclidean norm of all elements of several tensors together: 0 of none, in f32.

    Args:
        t_list: tensors and slices of one real floating-point dtype; `None` is passed over. Of slices the rows count
            as they are, even where several belong to one row.
        name: of the operation.

    Raises:
        ValueError: for anything else.
    """
    values = [v for v in _rows_in(t_list, "global_norm") if v is not None]
    if not values or values[0].element_type not in ACCUMULATORS:
        return _norm_of(values, name)
    wide = _norm_of(values)
    return named_as(name, lambda: Cast.to(wide, values[0].element_type))


def clip_by_global_norm(
    t_list: Sequence[Operand | None],
    clip_norm: Operand,
    use_norm: Operand | None = None,
    name: str | None = None,
) -> tuple[list[Clipped | None], Tensor]:
    """Each `t * clip_norm / maximum(norm, clip_norm)`, where `norm` is the `global_norm` of all.

    Where the norm is infinite or NaN, all that is returned is NaN.

    Args:
        t_list: as for `global_norm`.
        clip_norm: a number above 0, or a tensor of one.
        use_norm: the norm, where it is known already.
        name: of the operation that scales the first of them.

    Returns:
        The clipped tensors, `None` for `None`, and the norm.

    Raises:
        ValueError: for anything else.
    """
    _check_limit(clip_norm, "clip_by_global_norm")
    rows = _rows_in(t_list, "clip_by_global_norm")
    given = [v for v in rows if v is not None]
    dtype = given[0].dtype if given else "f32"
    norm = (
        _norm_of(given) if use_norm is None else as_tensor(use_norm, "clip_by_global_norm: use_norm", dtype)
    )
    if norm.ndim:
        raise GraphError(f"clip_by_global_norm: use_norm: expected one number, got {norm.type}")
    wide, limit = _beside(norm, clip_norm)
    # The difference is NaN where the norm is not finite, and 0 elsewhere.
    scale = Divide.of(limit, Maximum.of(wide, limit)) + (wide - wide)

    def clipped(values: Tensor) -> Last:
        return lambda: Cast.to(in_accumulator(values) * scale, values.element_type)

    clips = [None if t is None else _on_rows(t, "clip_by_global_norm", clipped, name) for t in t_list]
    return clips, Cast.to(norm, given[0].element_type) if given else norm


# ---- norms --------------------------------------------------------------------------------------------------


def _norm_of(values: Sequence[Tensor], name: str | None = None) -> Tensor:
    """The norm of all of these, in the dtype in which it is summed."""
    if not values:
        return named_as(name, lambda: Fill.scalar(0.0, f32))
    if len(values) == 1:
        return named_as(name, lambda: _norm(values[0], range(values[0].ndim)))
    norms = [Reshape.to(_norm(v, range(v.ndim)), [1]) for v in values]
    together = Concat.of(*norms, axis=IntegerAttr(0, i64))
    return named_as(name, lambda: EuclideanNorm.over(together, 0))


def _norm(values: Tensor, axes: Sequence[int], keepdims: bool = False) -> Tensor:
    if not is_float(values.element_type):
        raise ArgumentTypeError(f"a norm needs a real floating-point dtype, got {values.dtype}: cast first")
    return EuclideanNorm.over(in_accumulator(values), axes, keepdims)


def _scaled(values: Tensor, norm: Tensor, clip_norm: Operand) -> Last:
    """`values * clip_norm / maximum(norm, clip_norm)`, in the dtype of the norm until the end."""
    norm, limit = _beside(norm, clip_norm)
    wide, scale = in_accumulator(values), limit / Maximum.of(norm, limit)
    if wide.element_type == values.element_type:
        return lambda: Multiply.of(wide, scale)
    clipped = wide * scale
    return lambda: Cast.to(clipped, values.element_type)


def _beside(norm: Tensor, clip_norm: Operand) -> tuple[Tensor, Tensor]:
    """A norm and the limit for it, in the dtype in which norms are summed."""
    wide = in_accumulator(norm)
    if isinstance(clip_norm, Operators):
        return wide, in_accumulator(clip_norm.as_tensor())
    _, limit = tensors(wide, clip_norm, op="clip_norm")
    return wide, limit


# ---- arguments ----------------------------------------------------------------------------------------------


def _on_rows(t: object, what: str, clip: Callable[[Tensor], Last], name: str | None) -> Clipped:
    """Clips a tensor, or the rows of slices; `ValueError` where that would change the shape."""
    values = _rows_of(t, what)
    result = named_as(name, clip(values))
    if not compatible_shapes(result.extents, values.extents):
        raise GraphError(f"{what}: the bounds make shape {format_shape(result.extents)} of {values.type}")
    if not isinstance(t, IndexedSlices):
        return result
    shape = [t.dense_shape.value] if None in t.shape else []
    return IndexedSlices.wrap(MakeSlices.emit_as([result.value, t.indices.value, *shape], t.type))


def _rows_of(t: object, what: str) -> Tensor:
    return t.values if isinstance(t, IndexedSlices) else as_tensor(t, what)


def _rows_in(t_list: object, what: str) -> list[Tensor | None]:
    """The tensors, and the rows of slices; `ValueError` if they are not of one real floating-point dtype."""
    if not isinstance(t_list, list | tuple):
        raise ArgumentTypeError(f"{what}: t_list should be a sequence, got {type(t_list).__name__}")
    items = cast("Sequence[object]", t_list)
    rows = [None if t is None else _rows_of(t, f"{what}: t_list[{i}]") for i, t in enumerate(items)]
    dtype = next((v.dtype for v in rows if v is not None), None)
    for i, values in enumerate(rows):
        if values is not None and (values.dtype != dtype or not is_float(values.element_type)):
            expected = dtype if values.dtype != dtype else "a real floating-point dtype"
            raise ArgumentTypeError(f"{what}: t_list[{i}]: expected {expected}, got {values.dtype}")
    return rows


def _check_limit(clip_norm: object, what: str) -> None:
    number = checked_number(clip_norm, what) if isinstance(clip_norm, Number | np.generic) else 1.0
    if isinstance(number, complex) or not number > 0:
        raise GraphError(f"{what}: clip_norm: expected a number above 0, got {clip_norm}")
