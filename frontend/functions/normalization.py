"""Normalization of layers, batches, groups and by the root mean square, and biases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, FloatAttr, IntegerAttr, f64, i64

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.normalization import BatchNorm, BiasAdd, LayerNorm, RmsNorm
from pullback.dialects.graph.along_axes.statistics import element_count
from pullback.dialects.graph.by_index.extents import extents_of
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Cast, Maximum
from pullback.dialects.graph.elementwise.exponential import Rsqrt
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.families import is_float
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Number, Operand, Tensor
from pullback.dialects.graph.tensor.types import GraphError, is_static, tensor_type
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import Axes, checked_axes, checked_axis, is_whole_number
from pullback.frontend.operands.checked_dtypes import of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = [
    "batch_norm",
    "batch_normalization",
    "bias_add",
    "fused_batch_norm",
    "group_norm",
    "layer_norm",
    "rms_norm",
]


def bias_add(value: Operand, bias: Operand, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """`value` with `bias`, which has one axis, added along the axis of the channels.

    Args:
        value: numbers of rank 1 or more.
        bias: as many numbers as there are channels.
        data_format: `"NHWC"` or another that ends in C where the channels are along the last axis, `"NCHW"` or
            another that begins with NC where they are along the second.
        name: of the operation.
    """
    x, b = tensors(value, bias, op="bias_add")
    axis = IntegerAttr(_channels(data_format, x, "bias_add"), i64)
    return named_as(name, lambda: BiasAdd.of(x, b, axis=axis))


def layer_norm(
    x: Operand,
    scale: Operand | None = None,
    offset: Operand | None = None,
    axis: Axes = -1,
    epsilon: float = 1e-5,
    name: str | None = None,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with the statistics along `axis`.

    Args:
        x: real floating-point numbers.
        scale, offset: of the shape of `x` along `axis`; ones and zeros if `None`.
        axis: one axis or several, counted from the end if negative; `None` for all.
        epsilon: keeps the root away from 0.
        name: of the operation.

    Raises:
        ValueError: for parameters that do not fit, an axis that does not exist, a dtype that is no floating point.
    """
    value = of_dtype(as_tensor(x, "layer_norm"), is_float, "layer_norm")
    axes = sorted(checked_axes(axis, value.ndim, "layer_norm"))
    parameters = _parameter(value, scale, axes, 1), _parameter(value, offset, axes, 0)
    return named_as(
        name, lambda: LayerNorm.of(value, *parameters, axes=integers(axes), epsilon=FloatAttr(epsilon, f64))
    )


def rms_norm(
    x: Operand,
    scale: Operand | None = None,
    axis: Axes = -1,
    epsilon: float = 1e-6,
    name: str | None = None,
) -> Tensor:
    """x / sqrt(mean(x * x) + epsilon) * scale, with the mean along `axis`: see `layer_norm`."""
    value = of_dtype(as_tensor(x, "rms_norm"), is_float, "rms_norm")
    axes = sorted(checked_axes(axis, value.ndim, "rms_norm"))
    factor = _parameter(value, scale, axes, 1)
    return named_as(
        name, lambda: RmsNorm.of(value, factor, axes=integers(axes), epsilon=FloatAttr(epsilon, f64))
    )


def batch_norm(
    x: Operand,
    scale: Operand | None = None,
    offset: Operand | None = None,
    axis: Axes = -1,
    epsilon: float = 1e-3,
    name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with statistics along all axes but `axis`.

    Args:
        x: real floating-point numbers.
        scale, offset: of the shape of `x` along `axis`; ones and zeros if `None`.
        axis: of the channels; one or several, counted from the end if negative.
        epsilon: keeps the root away from 0.
        name: of the operation.

    Returns:
        The result, the mean and the variance, through all of which gradients flow.

    Raises:
        ValueError: for parameters that do not fit, an axis that does not exist, a dtype that is no floating point.
    """
    value = of_dtype(as_tensor(x, "batch_norm"), is_float, "batch_norm")
    axes = sorted(checked_axes(axis, value.ndim, "batch_norm"))
    parameters = _parameter(value, scale, axes, 1), _parameter(value, offset, axes, 0)
    over = integers([a for a in range(value.ndim) if a not in axes])
    first = named_as(
        name, lambda: BatchNorm.of(value, *parameters, axes=over, epsilon=FloatAttr(epsilon, f64))
    )
    y, mean, variance = (Tensor(r) for r in first.op.results)
    return y, mean, variance


def batch_normalization(
    x: Operand,
    mean: Operand,
    variance: Operand,
    offset: Operand | None,
    scale: Operand | None,
    variance_epsilon: float,
    name: str | None = None,
) -> Tensor:
    """(x - mean) / sqrt(variance + variance_epsilon) * scale + offset with statistics that are given; all broadcast."""
    value = of_dtype(as_tensor(x, "batch_normalization"), is_float, "batch_normalization")

    def wide(t: Operand) -> Tensor:
        return in_accumulator(as_tensor(t, "batch_normalization", value.dtype))

    center, spread = wide(mean), wide(variance)
    factor = named_as(name, lambda: Rsqrt.of(spread + variance_epsilon))
    factor = factor if scale is None else factor * wide(scale)
    start = 0 if offset is None else wide(offset)
    return Cast.to(wide(value) * factor + (start - center * factor), value.element_type)


def fused_batch_norm(
    x: Operand,
    scale: Operand,
    offset: Operand,
    mean: Operand | None = None,
    variance: Operand | None = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    exponential_avg_factor: float = 1.0,
    name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch normalization of images as in TensorFlow.

    Args:
        x: real floating-point numbers.
        scale, offset: one number for each channel.
        mean, variance: what is normalized by where `is_training` is false; else averages so far, for which there is
            a use where `exponential_avg_factor` is not 1.
        epsilon: keeps the root away from 0.
        data_format: says where the channels are, as for `bias_add`.
        is_training: whether the statistics are those of `x`.
        exponential_avg_factor: the weight of the new statistics in the averages.
        name: of the operation.

    Returns:
        The result; the averages of the mean and of the variance, which is the unbiased one: that of a sample.

    Raises:
        ValueError: for statistics that are needed and not given, and for what `batch_norm` refuses.
    """
    value = of_dtype(as_tensor(x, "fused_batch_norm"), is_float, "fused_batch_norm")
    axis = _channels(data_format, value, "fused_batch_norm")
    given = [None if t is None else as_tensor(t, "fused_batch_norm", value.dtype) for t in (mean, variance)]
    old_mean, old_variance = given
    if old_mean is None or old_variance is None:
        if not is_training or exponential_avg_factor != 1:
            raise GraphError(
                "fused_batch_norm: needs mean and variance unless is_training and exponential_avg_factor is 1"
            )
    elif not is_training:
        others = [a for a in range(value.ndim) if a != axis]
        parts = [as_tensor(t, "fused_batch_norm", value.dtype) for t in (offset, scale)]
        spread = [ExpandDims.at(t, others) for t in (old_mean, old_variance, *parts)]
        return (
            batch_normalization(value, *spread, variance_epsilon=epsilon, name=name),
            old_mean,
            old_variance,
        )
    y, new_mean, new_variance = batch_norm(value, scale, offset, axis, epsilon, name)
    count = element_count(value, [a for a in range(value.ndim) if a != axis])
    new_variance = in_accumulator(new_variance) * (count / Maximum.of(count - 1, 1))
    if old_mean is None or old_variance is None or exponential_avg_factor == 1:
        return y, new_mean, Cast.to(new_variance, value.element_type)
    old, new = 1 - exponential_avg_factor, exponential_avg_factor
    averages = (
        in_accumulator(before) * old + in_accumulator(now) * new
        for before, now in ((old_mean, new_mean), (old_variance, new_variance))
    )
    mean_so_far, variance_so_far = (Cast.to(t, value.element_type) for t in averages)
    return y, mean_so_far, variance_so_far


def group_norm(
    x: Operand,
    groups: int,
    scale: Operand | None = None,
    offset: Operand | None = None,
    axis: int = -1,
    epsilon: float = 1e-3,
    name: str | None = None,
) -> Tensor:
    """Normalization of each example, in groups of neighbouring channels.

    Args:
        x: real floating-point numbers of rank 2 or more; examples are along the first axis.
        groups: how many, of as many channels each.
        scale, offset: one number for each channel; ones and zeros if `None`.
        axis: of the channels, not the first, counted from the end if negative.
        epsilon: keeps the root away from 0.
        name: of the operation.

    Raises:
        ValueError: for groups that do not make up the channels, and for what `batch_norm` refuses.
    """
    value = of_dtype(as_tensor(x, "group_norm"), is_float, "group_norm")
    at = checked_axis(axis, value.ndim, "group_norm")
    if at == 0:
        raise GraphError("group_norm: axis: the first one is that of the examples")
    if (
        not is_whole_number(groups)
        or groups < 1
        or (value.extents[at] != DYNAMIC_INDEX and value.extents[at] % groups)
    ):
        raise GraphError(
            f"group_norm: axis {axis} of {value.type} cannot be cut into {groups!r} equal groups"
        )
    split = _split(value, at, groups)
    y, _, _ = batch_norm(split, axis=(0, at), epsilon=epsilon, name=name)
    made = Reshape.like(y, value)
    others = [a for a in range(value.ndim) if a != at]
    if scale is not None:
        made = made * ExpandDims.at(_parameter(value, scale, [at], 1), others)
    return made if offset is None else made + ExpandDims.at(_parameter(value, offset, [at], 0), others)


def _split(x: Tensor, axis: int, groups: int) -> Tensor:
    """`x` with an axis cut in two: the groups, and what is in each."""
    extents, channels = x.extents, x.extents[axis]
    parts = (groups, DYNAMIC_INDEX if channels == DYNAMIC_INDEX else channels // groups)
    shape = (*extents[:axis], *parts, *extents[axis + 1 :])
    if is_static(x.type):
        return Reshape.to(x, shape)
    around = [extents_of(x, range(axis)), extents_of(x, range(axis + 1, x.ndim))]
    both = [Constant.from_array(np.array([groups], np.int64)), extents_of(x, [axis]) // groups]
    pieces = [around[0], *both, around[1]]
    return Reshape.to(x, shape, runtime=Concat.of(*pieces, axis=IntegerAttr(0, i64)))


def _parameter(x: Tensor, given: Operand | None, axes: Sequence[int], default: Number) -> Tensor:
    """A parameter along these axes of `x`; filled with a number where none is given."""
    if given is not None:
        return as_tensor(given, "the parameter", x.dtype)
    type_ = tensor_type(x.element_type, (x.extents[a] for a in axes))
    return Fill.full(default, type_, None if is_static(type_) else extents_of(x, axes).value)


def _channels(data_format: str, x: Tensor, what: str) -> int:
    """The axis of the channels."""
    if not isinstance(data_format, str) or not (data_format.startswith("NC") or data_format.endswith("C")):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise GraphError(f"{what}: data_format: expected 'NHWC', 'NCHW' or the like, got {data_format!r}")
    return checked_axis(1 if data_format.startswith("NC") else -1, x.ndim, what)
