"""Functions that take rows by index."""

from __future__ import annotations

from pullback.dialects.graph.indexing import Gather
from pullback.dialects.graph.shapes import Transpose, integers
from pullback.dialects.graph.types import GraphError
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.emit import named_as
from pullback.frontend.functions.axes import checked_axis
from pullback.frontend.variables import Variable

__all__ = ["gather", "take"]


def gather(params: Operand, indices: Operand, axis: int = 0, name: str | None = None) -> Tensor:
    """Slices of `params` along an axis: for axis 0 `result[i, …] = params[indices[i, …]]`.

    Args:
        params: a tensor or a variable of rank 1 or more. Along axis 0 its gradient is `IndexedSlices`.
        indices: integers; one out of range gives zeros. Of rank 1 where the axis is not 0.
        axis: counted from the end if negative.
        name: of the operation.
    """
    if isinstance(params, Variable) and checked_axis(axis, params.ndim, "gather") == 0:
        return params.sparse_read(indices, name)
    values, at = as_tensor(params, "gather: params"), as_tensor(indices, "gather: indices")
    axis = checked_axis(axis, values.ndim, "gather")
    if axis == 0:
        return named_as(name, lambda: Gather.of(values, at))
    if at.ndim != 1:
        raise GraphError(f"gather: indices along axis {axis} must have rank 1, got {at.type}")
    order = [axis, *(i for i in range(values.ndim) if i != axis)]
    rows = Gather.of(Transpose.of(values, permutation=integers(order)), at)
    back = [order.index(i) for i in range(values.ndim)]
    return named_as(name, lambda: Transpose.of(rows, permutation=integers(back)))


take = gather
