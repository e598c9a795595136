"""What operations state of their accesses is what they compute: checked on their examples, against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from pullback.dialects.context import context
from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.examples import EXAMPLES, program
from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.op.access import (
    AffineAccess,
    PaddedAccess,
    RowAccess,
    RowMajorAccess,
    StoredAccess,
)
from pullback.dialects.graph.op.affine import Affine, Position
from pullback.dialects.graph.op.indexed import (
    Alias,
    Concatenation,
    ContractionOp,
    Indexed,
    Pointwise,
    Uniform,
    View,
)
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    is_static,
    numpy_dtype,
    shape_of_type,
)
from pullback.dialects.ir.source import parse

Array = npt.NDArray[Any]


def examples() -> list[Operation]:
    """One operation for each example of static shape."""
    found: list[Operation] = []
    for texts in EXAMPLES.values():
        for text in texts:
            block = next(iter(parse(context(), program(text)).module.body.block.ops)).regions[0].block
            op = next(iter(block.ops))
            tensors = [v for v in (*op.operands, *op.results) if isinstance(v.type, TensorType)]
            if len(tensors) == len(op.operands) + len(op.results) and all(is_static(v.type) for v in tensors):
                found.append(op)
    return found


OPERATIONS = examples()


def of(family: type) -> Any:
    ops = [op for op in OPERATIONS if isinstance(op, family)]
    return pytest.mark.parametrize("op", ops, ids=lambda op: op.name)


def filled(value: SSAValue) -> Array:
    """Different numbers, small enough for indices to name rows, and some beyond them."""
    shape, dtype = shape_of_type(value.type), numpy_dtype(element_type_of(value.type))
    count = int(np.prod(shape))
    return ((np.arange(count) * 7 + 3) % max(count, 5)).reshape(shape).astype(dtype)


def at(coordinate: Affine, space: Sequence[int]) -> Array:
    """The values of a coordinate at all points of a space."""
    points = np.indices(space) if space else np.zeros((0,), int)
    terms = [c * p for c, p in zip(coordinate.coefficients, points, strict=True)]
    return sum(terms, np.full(space, coordinate.constant))


def element(array: Array, position: Position, space: Sequence[int]) -> Array:
    """What an access reads at all points."""
    return array[tuple(at(c, space) for c in position)] if position else np.broadcast_to(array, space)


def read(op: Indexed, operands: Sequence[Array], number: int, result: int = 0) -> Array:
    """What an operation says it reads, at all points of its space."""
    space, array = op.iteration_shape(result), operands[number]
    match op.access(number, result):
        case AffineAccess(position) | StoredAccess(AffineAccess(position)):
            return element(array, position, space)
        case RowMajorAccess():
            return array.reshape(-1)[np.arange(array.size).reshape(space)]
        case RowAccess(indices, within):
            row = read(op, operands, indices)
            inside = (row >= 0) & (row < array.shape[0])
            rest = tuple(at(c, space) for c in within.position)
            return np.where(inside, array[(np.where(inside, row, 0), *rest)], 0)
        case PaddedAccess(position, shape, _, number_beyond):
            indices = [at(c, space) for c in position]
            inside = np.all([(i >= 0) & (i < n) for i, n in zip(indices, shape, strict=True)], axis=0)
            return np.where(inside, array[tuple(np.where(inside, i, 0) for i in indices)], number_beyond)
        case None:
            raise AssertionError(f"'{op.name}' does not say how it reads operand {number}")


def test_families_have_examples() -> None:
    for family in (Pointwise, View, Alias, Uniform, Reduction, ContractionOp, Concatenation):
        assert any(isinstance(op, family) for op in OPERATIONS), family


@of(View)
def test_a_view_is_what_it_reads(op: View) -> None:
    if isinstance(op, MakeSlices):
        pytest.skip("slices have no elements")
    operands = [filled(v) for v in op.operands]
    computed = op.numpy(*operands)
    computed = computed if isinstance(computed, tuple) else (computed,)
    for result, array in enumerate(computed):
        np.testing.assert_array_equal(read(op, operands, 0, result), array)


@of(Alias)
def test_an_alias_keeps_elements_in_their_order(op: Alias) -> None:
    operands = [filled(v) for v in op.operands]
    computed = op.numpy(*operands)
    computed = computed if isinstance(op, Gate) else (computed,)
    for array, operand in zip(computed, operands, strict=False):
        np.testing.assert_array_equal(array.ravel(), operand.ravel())


@of(Pointwise)
def test_an_element_is_made_of_those_that_are_read(op: Pointwise) -> None:
    operands = [filled(v) for v in op.operands]
    with np.errstate(all="ignore"):
        whole = op.numpy(*operands)
        np.testing.assert_array_equal(op.numpy(*(read(op, operands, n) for n in range(len(operands)))), whole)


@of(Reduction)
def test_a_reduction_writes_where_it_says(op: Reduction) -> None:
    shape = shape_of_type(op.result_types[0])
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    spread = numbers if op.keeps_dims else np.expand_dims(numbers, op.reduced)
    written = element(numbers, op.result_access().position, op.iteration_shape())
    np.testing.assert_array_equal(written, np.broadcast_to(spread, op.iteration_shape()))
    np.testing.assert_array_equal(read(op, [filled(op.operands[0])], 0), filled(op.operands[0]))


def dims_of(space: Sequence[int]) -> list[Affine]:
    return [Affine.dim(len(space), d) for d in range(len(space))]


@of(ContractionOp)
def test_a_product_sums_what_it_reads(op: ContractionOp) -> None:
    operands = [filled(v) for v in op.operands]
    terms = read(op, operands, 0) * read(op, operands, 1)
    reduced = range(len(shape_of_type(op.results[0].type)), terms.ndim)
    np.testing.assert_allclose(terms.sum(axis=tuple(reduced)), op.numpy(*operands))


@of(Concatenation)
def test_a_concatenation_writes_each_piece_where_it_says(op: Concatenation) -> None:
    operands = [filled(v) for v in op.operands]
    whole = op.numpy(*operands)
    for number, piece in enumerate(operands):
        access = op.piece_access(number)
        np.testing.assert_array_equal(element(whole, access.position, access.space), piece)


def test_axes_are_those_that_are_run_through_from_end_to_end() -> None:
    d = dims_of((4, 5))
    zero = Affine.number(2)

    def axes(position: Sequence[Affine], shape: tuple[int, ...]) -> Any:
        return AffineAccess(tuple(position), shape, (4, 5)).axes

    assert axes([d[1], d[0]], (5, 4)) == (1, 0)
    assert axes([zero, d[1]], (1, 5)) == (None, 1)
    assert axes([d[0], d[1]], (4, 6)) is None, "a part of an axis"
    assert axes([d[0], 4 - d[1]], (4, 5)) is None, "the other way round"
    assert axes([d[0], d[0]], (4, 4)) is None, "a diagonal"
    assert axes([d[0] + d[1]], (8,)) is None, "windows"
    assert axes([zero], (3,)) is None, "one of several"


def test_an_access_composes_with_the_point_at_which_it_is_read() -> None:
    d = dims_of((4, 5))
    turned = AffineAccess((2 * d[1] + 1, d[0]), (11, 4), (4, 5))
    i, j, k = dims_of((2, 3, 7))
    assert turned.at((i + j, 3 * k), rank=3) == (6 * k + 1, i + j)
    assert AffineAccess((Affine.number(0, 2),), (3,), ()).at((), rank=3) == (Affine.number(3, 2),)


@pytest.mark.parametrize("position", [lambda d: d + 1, lambda d: 3 - d, lambda d: 2 * d, lambda d: d - 1])
def test_no_access_leaves_its_operand(position: Callable[[Affine], Affine]) -> None:
    (d,) = dims_of((5,))
    with pytest.raises(GraphError, match=r"along axis 0 of an operand of shape .*; expected 0 to 4 at most"):
        AffineAccess((position(d),), (5,), (5,))
    AffineAccess((position(d),), (5,), (0,))  # there is no point at which it would read
