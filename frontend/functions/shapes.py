"""Changes of shape: reshape, broadcast, transpose, blocks of images; and functions that return shapes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.elementwise.broadcasting import broadcast_together
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape, ShapeOf, Size
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, is_static
from pullback.dialects.graph.tensor.types import broadcast_shapes as common_shape
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import Axes, checked_axes, is_whole_number, whole_numbers
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.shape_like import ShapeLike, extents_and_operand, static_extents

__all__ = [
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "depth_to_space",
    "expand_dims",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "rank",
    "reshape",
    "shape",
    "shape_of",
    "size",
    "space_to_depth",
    "squeeze",
    "transpose",
]


def shape_of(x: Operand, name: str | None = None) -> Tensor:
    """The extents of `x` at run time, i64."""
    value = as_tensor(x, "shape_of")
    return named_as(name, lambda: ShapeOf.of(value))


shape = shape_of


def size(x: Operand, name: str | None = None) -> Tensor:
    """The number of elements of `x` at run time, i64."""
    value = as_tensor(x, "size")
    return named_as(name, lambda: Size.of(value))


def rank(x: Operand) -> int:
    """The number of axes, which is always known."""
    return as_tensor(x, "rank").ndim


def reshape(x: Operand, shape: ShapeLike, name: str | None = None) -> Tensor:
    """The same elements in row-major order under another shape.

    Args:
        x: any tensor.
        shape: extents, of which one may be -1 and follows from the others; or tensors of integers.
        name: of the operation.

    Raises:
        ValueError: for more than one -1, or another number of elements.
    """
    value = as_tensor(x, "reshape")
    extents, operand = extents_and_operand(shape, "reshape")
    if operand is None and extents.count(DYNAMIC_INDEX) > 1:
        raise GraphError(f"reshape: at most one extent may be -1, got {shape}")
    if operand is None and is_static(value.type):
        extents = _completed(extents, prod(value.extents))
    return named_as(name, lambda: Reshape.to(value, extents, runtime=operand))


def _completed(extents: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The extents with the one that is -1 computed from the number of elements."""
    if DYNAMIC_INDEX not in extents:
        return extents
    known = prod(n for n in extents if n != DYNAMIC_INDEX)
    if known == 0 or count % known:
        written = [-1 if n == DYNAMIC_INDEX else n for n in extents]
        raise GraphError(f"reshape: {count} elements do not fill {written}")
    return tuple(count // known if n == DYNAMIC_INDEX else n for n in extents)


def broadcast_to(x: Operand, shape: ShapeLike, name: str | None = None) -> Tensor:
    """`x` repeated along new leading axes and along extents of 1."""
    value = as_tensor(x, "broadcast_to")
    extents, operand = static_extents(shape, "broadcast_to")
    return named_as(name, lambda: BroadcastTo.to(value, extents, runtime=operand))


def expand_dims(x: Operand, axis: int | Sequence[int], name: str | None = None) -> Tensor:
    """`x` with new extents of 1 at `axis` of the result; negative axes count from its end."""
    value = as_tensor(x, "expand_dims")
    given = whole_numbers(axis, "expand_dims: axis")
    axes = sorted(checked_axes(given, value.ndim + len(given), "expand_dims"))
    return named_as(name, lambda: ExpandDims.at(value, axes))


def transpose(x: Operand, axes: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """`x` with its axes in this order, reversed by default."""
    value = as_tensor(x, "transpose")
    order = range(value.ndim)[::-1] if axes is None else checked_axes(axes, value.ndim, "transpose")
    return named_as(name, lambda: Transpose.of(value, permutation=integers(order)))


permute_dims = transpose


def squeeze(x: Operand, axis: Axes = None, name: str | None = None) -> Tensor:
    """`x` without axes of extent 1: those given, or all that are known to have it (`None`).

    Raises:
        ValueError: for an axis of another extent.
    """
    value = as_tensor(x, "squeeze")
    axes = [a for a, n in enumerate(value.extents) if n == 1]
    if axis is not None:
        axes = sorted(checked_axes(axis, value.ndim, "squeeze"))
    return named_as(name, lambda: Squeeze.at(value, axes))


def moveaxis(
    x: Operand, source: int | Sequence[int], destination: int | Sequence[int], name: str | None = None
) -> Tensor:
    """`x` with the axes `source` at the positions `destination`; the others stay in order.

    Raises:
        ValueError: for another count of positions than of axes.
    """
    value = as_tensor(x, "moveaxis")
    given = [whole_numbers(axes, "moveaxis: axis") for axes in (source, destination)]
    sources, targets = (checked_axes(axes, value.ndim, "moveaxis") for axes in given)
    if len(sources) != len(targets):
        raise GraphError(f"moveaxis: {len(sources)} axes for {len(targets)} places")
    order = [axis for axis in range(value.ndim) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return named_as(name, lambda: Transpose.of(value, permutation=integers(order)))


def matrix_transpose(x: Operand, name: str | None = None) -> Tensor:
    """`x` with its last two axes exchanged."""
    value = as_tensor(x, "matrix_transpose")
    return named_as(name, lambda: Transpose.matrices(value))


# ---- broadcasting ---------------------------------------------------------------------------------------------


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape to which arrays of these shapes broadcast; `ValueError` where there is none."""
    common: tuple[int, ...] = ()
    for given in shapes:
        extents = whole_numbers(given, "broadcast_shapes: shape")
        if min(extents, default=0) < 0:
            raise GraphError(f"broadcast_shapes: expected extents from 0 on, got {given}")
        common = common_shape(common, tuple(extents))
    return common


def broadcast_arrays(*arrays: Operand) -> list[Tensor]:
    """The tensors, each repeated until all have one shape; they keep their dtypes.

    Raises:
        ValueError: for shapes that do not broadcast against each other.
    """
    return broadcast_together([as_tensor(a, "broadcast_arrays") for a in arrays])


# ---- blocks of images -----------------------------------------------------------------------------------------


def space_to_depth(x: Operand, block_size: int, name: str | None = None) -> Tensor:
    """Blocks of an image (batch, height, width, channels) as channels: each is `block_size` high and wide.

    Raises:
        ValueError: where blocks do not make up the height and the width.
    """
    value, block = as_tensor(x, "space_to_depth"), _checked_block(block_size, "space_to_depth")
    batch, height, width, depth = _image(value, "space_to_depth")
    if height % block or width % block:
        raise GraphError(f"space_to_depth: blocks of {block} do not make up {value.type}")
    apart = Reshape.to(value, (batch, height // block, block, width // block, block, depth))
    turned = Transpose.ordered(apart, (0, 1, 3, 2, 4, 5))
    shape = (batch, height // block, width // block, block * block * depth)
    return named_as(name, lambda: Reshape.to(turned, shape))


def depth_to_space(x: Operand, block_size: int, name: str | None = None) -> Tensor:
    """Channels of an image (batch, height, width, channels) as blocks: what `space_to_depth` undoes.

    Raises:
        ValueError: where the channels do not fill blocks.
    """
    value, block = as_tensor(x, "depth_to_space"), _checked_block(block_size, "depth_to_space")
    batch, height, width, depth = _image(value, "depth_to_space")
    if depth % (block * block):
        raise GraphError(f"depth_to_space: {depth} channels do not fill blocks of {block} x {block}")
    apart = Reshape.to(value, (batch, height, width, block, block, depth // (block * block)))
    turned = Transpose.ordered(apart, (0, 1, 3, 2, 4, 5))
    shape = (batch, height * block, width * block, depth // (block * block))
    return named_as(name, lambda: Reshape.to(turned, shape))


def _checked_block(size: int, what: str) -> int:
    if not is_whole_number(size) or size < 1:
        raise ArgumentTypeError(f"{what}: block_size: expected a whole number from 1 on, got {size!r}")
    return int(size)


def _image(x: Tensor, what: str) -> tuple[int, int, int, int]:
    """The four extents, of which only the first may be unknown."""
    if x.ndim != 4 or DYNAMIC_INDEX in x.extents[1:]:
        raise GraphError(
            f"{what}: expected (batch, height, width, channels) with known extents, got {x.type}"
        )
    batch, height, width, depth = x.extents
    return batch, height, width, depth
