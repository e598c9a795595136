"""Matrix products, and products of tensors along axes."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import TypeAlias

from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.along_axes.repeating import Roll
from pullback.dialects.graph.by_index.extents import of_extent
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.linear_algebra.einsum import Einsum, Equation
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.tensor.tensor import Operand, Tensor, conj
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import checked_axes, is_whole_number

__all__ = ["cross", "matmul", "outer", "tensordot", "vecdot"]

AxisPairs: TypeAlias = int | tuple[Sequence[int], Sequence[int]]
"""A number of axes, or the axes of the first and those of the second tensor."""


def matmul(
    a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None
) -> Tensor:
    """The product of matrices: (…, m, k) @ (…, k, n) -> (…, m, n), where leading axes broadcast.

    Args:
        a: matrices, or a vector (k,), which counts as one row.
        b: matrices, or a vector (k,), which counts as one column.
        transpose_a: take each matrix of `a` transposed.
        transpose_b: take each matrix of `b` transposed.
        name: of the operation.

    Returns:
        The products, without the axis of the row or the column that a vector was.

    Raises:
        ValueError: for scalars, and for shapes or dtypes that do not fit each other.
    """
    lhs, rhs = tensors(a, b, op=MatMul.name)
    return named_as(name, lambda: MatMul.product(lhs, rhs, transpose_a, transpose_b))


def tensordot(a: Operand, b: Operand, axes: AxisPairs = 2, name: str | None = None) -> Tensor:
    """The sum of products over pairs of axes; the result has the other axes of `a`, then those of `b`.

    Args:
        a: any tensor.
        b: another, of the same dtype.
        axes: the axes of `a` and as many of `b`, pair by pair; or how many of the last of `a` and the first of `b`.
        name: of the operation.

    Raises:
        ValueError: for axes that do not exist, or whose extents differ.
    """
    lhs, rhs = tensors(a, b, op="tensordot")
    of_a, of_b = _paired(axes, lhs, rhs)
    if lhs.ndim + rhs.ndim > len(ascii_letters):
        raise GraphError(f"tensordot: too many axes, got {lhs.type} and {rhs.type}")
    labels_a = ascii_letters[: lhs.ndim]
    labels_b = list(ascii_letters[lhs.ndim : lhs.ndim + rhs.ndim])
    for axis_a, axis_b in zip(of_a, of_b, strict=True):
        labels_b[axis_b] = labels_a[axis_a]
    kept = [label for axis, label in enumerate(labels_a) if axis not in of_a]
    kept += [label for axis, label in enumerate(labels_b) if axis not in of_b]
    equation = Equation((labels_a, "".join(labels_b)), "".join(kept))
    return named_as(name, lambda: Einsum.product(equation, lhs, rhs))


def _paired(axes: AxisPairs, a: Tensor, b: Tensor) -> tuple[list[int], list[int]]:
    """The axes to sum over, of both tensors, counted from the front."""
    if is_whole_number(axes):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise GraphError(f"tensordot: axes: {a.type} and {b.type} do not have {axes} axes each")
        return list(range(a.ndim - axes, a.ndim)), list(range(axes))
    if not isinstance(axes, list | tuple) or len(axes) != 2:
        raise ArgumentTypeError(f"tensordot: axes: expected a number or two lists of axes, got {axes!r}")
    of_a = checked_axes(axes[0], a.ndim, "tensordot: axes of a")
    of_b = checked_axes(axes[1], b.ndim, "tensordot: axes of b")
    if len(of_a) != len(of_b):
        raise GraphError(f"tensordot: axes: expected as many axes of a as of b, got {axes}")
    return of_a, of_b


def vecdot(x1: Operand, x2: Operand, axis: int = -1, name: str | None = None) -> Tensor:
    """The dot product of vectors along an axis, of which the first are conjugated; the other axes broadcast.

    Args:
        x1: vectors along `axis`.
        x2: others, of the same dtype.
        axis: from the end: -1 to -n, where both have at least n axes; or from the front, where both have as many.
        name: of the operation.

    Raises:
        ValueError: for an axis that does not exist, or along which the extents differ.
    """
    a, b = tensors(x1, x2, op="vecdot")
    at = _common_axis(a, b, axis, "vecdot")
    extents = (a.extents[at], b.extents[at])
    if extents[0] != extents[1] and min(extents) >= 0:
        raise GraphError(f"vecdot: extents along axis {axis} differ: {a.type} and {b.type}")
    product = conj(in_accumulator(a)) * in_accumulator(b)
    return named_as(name, lambda: Cast.to(Sum.over(product, at), a.element_type))


def outer(x1: Operand, x2: Operand, name: str | None = None) -> Tensor:
    """The products of each element of one vector with each of another: (m,), (n,) -> (m, n)."""
    a, b = tensors(x1, x2, op="outer")
    if a.ndim != 1 or b.ndim != 1:
        raise GraphError(
            f"outer: expected two vectors, got {a.type} and {b.type}: tensordot(a, b, 0) takes any tensors"
        )
    return named_as(name, lambda: ExpandDims.at(a, [1]) * b)


def cross(x1: Operand, x2: Operand, axis: int = -1, name: str | None = None) -> Tensor:
    """The cross product of vectors of three elements along an axis; the other axes broadcast.

    Args:
        x1: vectors along `axis`.
        x2: others, of the same dtype.
        axis: from the end: -1 to -n, where both have at least n axes; or from the front, where both have as many.
        name: of the operation.

    Raises:
        ValueError: for an axis that does not exist, or vectors of another length; when run, where only a run knows it.
    """
    a, b = tensors(x1, x2, op="cross")
    at = _common_axis(a, b, axis, "cross")
    if not {a.extents[at], b.extents[at]} <= {3, DYNAMIC_INDEX}:
        raise GraphError(f"cross: expected three elements along axis {axis}, got {a.type} and {b.type}")
    a, b = (of_extent(x, at + x.ndim, 3) for x in (a, b))

    def turned(x: Tensor, by: int) -> Tensor:
        return Roll.by(x, [by], [at + x.ndim])

    return named_as(name, lambda: turned(a, -1) * turned(b, 1) - turned(a, 1) * turned(b, -1))


def _common_axis(a: Tensor, b: Tensor, axis: int, what: str) -> int:
    """An axis of both tensors, counted from the end."""
    rank = min(a.ndim, b.ndim)
    if not is_whole_number(axis):
        raise ArgumentTypeError(f"{what}: axis: expected a whole number, got {axis!r}")
    if not -rank <= axis < (rank if a.ndim == b.ndim else 0):
        raise GraphError(f"{what}: axis {axis} does not exist in both of {a.type} and {b.type}")
    return int(axis) if axis < 0 else int(axis) - a.ndim
