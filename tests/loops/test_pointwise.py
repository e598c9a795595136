"""Pointwise kernels: shapes, dtypes, broadcasts, views, several outputs, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.elementwise.basic import Cast, Maximum, Negative, Where
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.split_concat import Concat, Split
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_from, tensor_type
from pullback.tests.loops.kernel_cases import check, kernel_function, lowered, sample, schedule

SHAPES = [(), (0,), (1,), (17,), (64,), (3, 0), (5, 17), (1, 1), (2, 3, 5), (4, 1, 33)]
DTYPES = ["f32", "f64", "i32", "i64"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bits", [256, 512])
def test_shapes(shape: tuple[int, ...], bits: int) -> None:
    arrays = [sample(shape, seed=s) for s in range(2)]
    check(schedule("pointwise", shape), arrays, lambda x, y: [Tanh.of(x * y + x)], bits=bits)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str) -> None:
    arrays = [sample((5, 19), dtype, s) for s in range(2)]
    check(schedule("pointwise", (5, 19)), arrays, lambda x, y: [Maximum.of(x - y, Negative.of(x)) * y])


@pytest.mark.parametrize("source", [*DTYPES, "i1"])
@pytest.mark.parametrize("target", [*DTYPES, "i1"])
def test_casts(source: str, target: str) -> None:
    check(
        schedule("pointwise", (21,)),
        [sample((21,), source)],
        lambda x: [Cast.emit_as([x.value], type_like(x, target))],
    )


def type_like(x: Tensor, dtype: str) -> Any:
    return tensor_type(element_type_from(dtype), x.extents)


def test_truth_values_select_and_are_stored_as_bytes() -> None:
    def body(x: Tensor, y: Tensor, c: Tensor) -> list[Tensor]:
        above = x > y
        return [above, Where.of(above, x, y), Where.of(c, x, 0)]

    check(
        schedule("pointwise", (3, 13)),
        [sample((3, 13)), sample((3, 13), seed=1), sample((3, 13), "i1")],
        body,
    )


@pytest.mark.parametrize("other", [(17,), (5, 1), (1, 17), (1,), (1, 1)], ids=str)
def test_broadcasts(other: tuple[int, ...]) -> None:
    check(schedule("pointwise", (5, 17)), [sample((5, 17)), sample(other, seed=1)], lambda x, y: [x * y + y])


def test_views_of_inputs_are_read_where_they_lie() -> None:
    def body(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
        turned = Transpose.of(y)
        spread = BroadcastTo.to(ExpandDims.at(z, [1]), (6, 10))
        return [x + turned * spread]

    check(schedule("pointwise", (6, 10)), [sample((6, 10)), sample((10, 6)), sample((6,))], body)


def test_split_reads_from_an_offset() -> None:
    def body(x: Tensor) -> list[Tensor]:
        pieces = Split.emit([x.value], {"axis": IntegerAttr(1, i64), "sizes": integers([4, 9, 4])})
        first, _, last = (Tensor(r) for r in pieces.results)
        return [Exp.of(first) - last]

    check(schedule("pointwise", (3, 4)), [sample((3, 17))], body)


def test_concat_computes_each_piece_in_its_place() -> None:
    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [Concat.of(Negative.of(x), y, axis=IntegerAttr(1, i64))]

    check(schedule("concat", (3, 14)), [sample((3, 5)), sample((3, 9))], body)
    check(schedule("concat", (0, 9)), [sample((0, 5)), sample((0, 4))], body)


def test_reshape_of_an_input() -> None:
    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [Reshape.to(x, (4, 9)) + y]

    check(schedule("pointwise", (4, 9)), [sample((6, 6)), sample((4, 9))], body)


@pytest.mark.parametrize("indices", ["i32", "i64"])
@pytest.mark.parametrize("row", [(), (1,), (19,)], ids=str)
def test_gather_gives_zeros_for_rows_that_are_not_there(indices: str, row: tuple[int, ...]) -> None:
    rows = np.array([2, 0, -1, 4, 5, 99, -7, 3, 3], np.int32 if indices == "i32" else np.int64)
    check(
        schedule("pointwise", (9, *row)),
        [sample((5, *row)), rows],
        lambda x, i: [Tanh.of(Gather.of(x, i))],
    )


def test_several_outputs_share_loads() -> None:
    def body(x: Tensor) -> list[Tensor]:
        e = Exp.of(x)
        return [e, Log.of(e + 1), e > 1]

    check(schedule("pointwise", (37,)), [sample((37,))], body)


def test_in_place() -> None:
    check(
        schedule("pointwise", (3, 37)),
        [sample((3, 37)), sample((3, 37), seed=1)],
        lambda w, g: [w - g * w, w + g],
        in_place={0: 0},
    )


STEPS: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a - b,
    Maximum.of,
    lambda a, b: Where.of(a > b, b, 1),
    lambda a, b: -a,
]
shapes = st.lists(st.sampled_from([0, 1, 2, 3, 7, 8, 9, 17]), min_size=0, max_size=3).map(tuple)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), shape=shapes, dtype=st.sampled_from(["f32", "f64", "i64"]))
def test_random_expressions(data: st.DataObject, shape: tuple[int, ...], dtype: str) -> None:
    """Expressions of random operations on operands that broadcast at random."""
    arrays = []
    for seed in range(3):
        kept = data.draw(st.integers(0, len(shape)))
        trailing = [data.draw(st.sampled_from([1, n])) for n in shape[len(shape) - kept :]]
        arrays.append(sample(shape if seed == 0 else tuple(trailing), dtype, seed))
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), max_size=6)
    )

    def body(*inputs: Tensor) -> list[Tensor]:
        values = [inputs[0] + x for x in inputs]
        for choice, i, j in steps:
            values.append(STEPS[choice](values[i % len(values)], values[j % len(values)]))
        return values[-2:]

    check(schedule("pointwise", shape), arrays, body, native=data.draw(st.booleans()))


@pytest.mark.parametrize(("columns", "masks"), [(20, 0), (24, 0), (22, 1), (16, 0)])
def test_the_ends_of_rows_that_are_overwritten_are_short_vectors(columns: int, masks: int) -> None:
    """Reading the next row would wait for a masked store; where nothing is read there, lanes are masked."""

    def body(x: Tensor, a: Tensor, b: Tensor) -> list[Tensor]:
        return [x - a * b]

    arrays = [sample(shape) for shape in ((5, columns), (5, 1), (columns,))]
    plan = schedule("pointwise", (5, columns), vector=16)
    check(plan, arrays, body, bits=512, in_place={0: 0})
    _, kernel = kernel_function(plan, arrays, body)
    for in_place, expected in (({0: 0}, masks), ({}, columns % 16 > 0)):
        _, module = lowered(kernel, 512, in_place)
        assert sum(op.name == "vector.maskedstore" for op in module.walk()) == expected
