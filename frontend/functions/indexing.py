"""Gather and scatter: functions that read and write slices and elements by index."""

from __future__ import annotations

from pullback.dialects.graph.by_index.gather_nd import GatherNd, ScatterNd
from pullback.dialects.graph.by_index.take_along_axis import TakeAlongAxis
from pullback.dialects.graph.by_index.taken_along import taken_along
from pullback.dialects.graph.by_index.tensor_scatter import TensorScatterAdd, TensorScatterUpdate
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.handles.variable import Variable
from pullback.frontend.operands.axes import checked_axis
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.shape_like import ShapeLike, static_extents

__all__ = [
    "gather",
    "gather_nd",
    "scatter_nd",
    "take",
    "take_along_axis",
    "tensor_scatter_nd_add",
    "tensor_scatter_nd_update",
]


def gather(params: Operand, indices: Operand, axis: int = 0, name: str | None = None) -> Tensor:
    """Slices of `params` along an axis: for axis 0 `result[i, …] = params[indices[i, …]]`.

    Args:
        params: a tensor or a variable of rank 1 or more. Along axis 0 its gradient is `IndexedSlices`.
        indices: integers of any rank, whose axes take the place of `axis`; one out of range gives zeros.
        axis: counted from the end if negative.
        name: of the operation.
    """
    if isinstance(params, Variable) and checked_axis(axis, params.ndim, "gather") == 0:
        return params.sparse_read(indices, name)
    values, at = as_tensor(params, "gather: params"), as_tensor(indices, "gather: indices")
    axis = checked_axis(axis, values.ndim, "gather")
    return named_as(name, lambda: taken_along(values, at, axis))


take = gather


def take_along_axis(x: Operand, indices: Operand, axis: int = -1, name: str | None = None) -> Tensor:
    """One element of `x` for each index along `axis`; beside it both have one shape. Out of range gives zeros."""
    values, at = as_tensor(x, "take_along_axis: x"), as_tensor(indices, "take_along_axis: indices")
    axis = checked_axis(axis, values.ndim, "take_along_axis")
    return named_as(name, lambda: TakeAlongAxis.over(values, at, axis))


def gather_nd(params: Operand, indices: Operand, name: str | None = None) -> Tensor:
    """Slices by index rows: `result[i…] = params[indices[i…, 0], …, indices[i…, k - 1]]`; out of range gives zeros."""
    values, at = as_tensor(params, "gather_nd: params"), as_tensor(indices, "gather_nd: indices")
    return named_as(name, lambda: GatherNd.of(values, at))


def scatter_nd(indices: Operand, updates: Operand, shape: ShapeLike, name: str | None = None) -> Tensor:
    """Zeros of `shape` with `updates[i…]` added at `indices[i…]`; one out of range is left out."""
    at, values = as_tensor(indices, "scatter_nd: indices"), as_tensor(updates, "scatter_nd: updates")
    extents, runtime = static_extents(shape, "scatter_nd")
    operands = [] if runtime is None else [runtime.value]
    return named_as(name, lambda: ScatterNd.to(at, values, extents, operands))


def tensor_scatter_nd_add(
    tensor: Operand, indices: Operand, updates: Operand, name: str | None = None
) -> Tensor:
    """`tensor` with `updates[i…]` added at `indices[i…]`; those for one place add up."""
    at = as_tensor(indices, "tensor_scatter_nd_add: indices")
    values, new = tensors(tensor, updates, op=TensorScatterAdd.name)
    return named_as(name, lambda: TensorScatterAdd.of(values, at, new))


def tensor_scatter_nd_update(
    tensor: Operand, indices: Operand, updates: Operand, name: str | None = None
) -> Tensor:
    """`tensor` with `updates[i…]` put at `indices[i…]`; of several for one place the last one stays."""
    at = as_tensor(indices, "tensor_scatter_nd_update: indices")
    values, new = tensors(tensor, updates, op=TensorScatterUpdate.name)
    return named_as(name, lambda: TensorScatterUpdate.of(values, at, new))
