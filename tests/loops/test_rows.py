"""Rows and columns kernels: stages, totals, tails, kept values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.elementwise.basic import Negative
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.tests.loops.kernel_cases import check, kernel_function, lowered, sample, schedule

SHAPES = [(1, 1), (1, 7), (7, 1), (5, 17), (3, 8), (4, 100), (2, 64), (3, 0), (0, 3)]
Body = Callable[..., list[Tensor]]


def softmax(x: Tensor) -> Tensor:
    e = Exp.of(x - Max.over(x, 1, keepdims=True))
    return e / Sum.over(e, 1, keepdims=True)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bits", [256, 512])
def test_softmax(shape: tuple[int, int], bits: int) -> None:
    check(schedule("rows", shape[:1], shape[1:]), [sample(shape)], lambda x: [softmax(x)], bits=bits)


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_and_maxima(shape: tuple[int, int], dtype: str) -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [Sum.over(x, 1), Max.over(x * x, 1, keepdims=True), Sum.over(x)]

    check(schedule("rows", shape[:1], shape[1:]), [sample(shape, dtype)], body)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (1000,), (3, 5, 7), (1, 9)], ids=str)
def test_full_reductions_beside_elements(shape: tuple[int, ...]) -> None:
    def body(x: Tensor) -> list[Tensor]:
        y = Tanh.of(x)
        return [Sum.over(y * x), 1 - y * y, Max.over(x)]

    check(schedule("rows", (), shape), [sample(shape)], body)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_totals_over_rows(shape: tuple[int, int]) -> None:
    """Scalars, sums down the columns, and what is made of either, beside the rows."""

    def body(x: Tensor) -> list[Tensor]:
        y = softmax(x)
        return [y, Sum.over(y * x), Sum.over(y, 0), Negative.of(Max.over(x, 0)), Sum.over(Max.over(x, 1))]

    check(schedule("rows", shape[:1], shape[1:]), [sample(shape)], body)


@pytest.mark.parametrize("unroll", [1, 2, 4])
@pytest.mark.parametrize("vector", [1, 4, 16])
def test_schedule_numbers(unroll: int, vector: int) -> None:
    numbers = {"unroll": unroll, "vector": vector}
    check(schedule("rows", (3,), (75,), **numbers), [sample((3, 75))], lambda x: [softmax(x), Sum.over(x, 1)])
    check(schedule("columns", (75,), (9,), **numbers), [sample((9, 75))], lambda x: [Sum.over(x, 0)])


@pytest.mark.parametrize("classes", [3, 10, 40])
def test_cross_entropy_with_gradient(classes: int) -> None:
    rows = 6

    def body(x: Tensor, labels: Tensor, eye: Tensor) -> list[Tensor]:
        hot = Gather.of(eye, labels)
        z = x - Max.over(x, 1, keepdims=True)
        e = Exp.of(z)
        s = Sum.over(e, 1, keepdims=True)
        loss = -Sum.over((z - Log.of(s)) * hot) / rows
        return [loss, (e / s - hot) / rows]

    labels = np.array([0, 2, 1, -1, classes - 1, classes], np.int64)
    arrays = [sample((rows, classes)), labels, np.eye(classes, dtype=np.float32)]
    check(schedule("rows", (rows,), (classes,)), arrays, body)


def test_three_dims() -> None:
    """Rows of two dims that no access joins, in a space of two parallel dims."""

    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        z = x * y
        return [z - Max.over(z, (2, 3), keepdims=True), Sum.over(z, (2, 3)), Sum.over(z)]

    check(schedule("rows", (2, 3), (4, 9)), [sample((2, 3, 4, 9)), sample((3, 1, 9))], body)


def test_in_place_rows_are_read_before_they_are_overwritten() -> None:
    rows = schedule("rows", (4,), (21,))
    x = sample((4, 21))
    check(rows, [x], lambda x: [softmax(x), Sum.over(x, 1)], in_place={0: 0})
    check(rows, [x], lambda x: [x * 2, Sum.over(softmax(x) * x, 1)], in_place={0: 0})


def test_an_expensive_value_is_computed_once() -> None:
    """exp goes to the row of the output, and later stages load it."""
    _, kernel = kernel_function(schedule("rows", (4,), (32,)), [sample((4, 32))], lambda x: [softmax(x)])
    _, module = lowered(kernel, 256, {})
    assert sum(op.name == "math.exp" for op in module.walk()) == 2  # two accumulators of one loop


def test_rounding_does_not_depend_on_how_often_it_runs() -> None:
    x = sample((3, 10_001)) * 1000
    for _ in range(2):
        check(schedule("rows", (3,), (10_001,)), [x.astype(np.float64)], lambda x: [Sum.over(x, 1)])


def test_a_total_inside_a_row_is_refused() -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [x / Sum.over(x, 0)]

    with pytest.raises(DiagnosticError, match="a value needs a total before the loops are over"):
        check(schedule("rows", (4,), (5,)), [sample((4, 5))], body)


@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (5, 17), (64, 10), (3, 200), (0, 5), (3000, 4)], ids=str)
@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_totals_that_no_output_has_room_for(kind: str, shape: tuple[int, int]) -> None:
    """An output is made of two of them, or is stored where an operand lies: they are gathered in scratch memory."""
    lines, points = (shape[:1], shape[1:]) if kind == "rows" else (shape[1:], shape[:1])
    over = 0 if kind == "rows" else 1

    def body(x: Tensor, b: Tensor) -> list[Tensor]:
        return [Sum.over(x, over) * Sum.over(x * x, over) + b]

    arrays = [sample(shape, "f64"), sample(points, "f64", 1)]
    check(schedule(kind, lines, points), arrays, body)
    check(schedule(kind, lines, points), arrays, body, in_place={0: 1})


def test_totals_over_all_rows_and_across_them_together() -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [Sum.over(x, 0) * Sum.over(x, (0, 1))]

    check(schedule("rows", (4,), (6,)), [sample((4, 6), "f64")], body)


@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (5, 17), (64, 10), (3, 200), (0, 5), (5, 0)], ids=str)
@pytest.mark.parametrize("dtype", ["f32", "f64", "i64"])
def test_columns(shape: tuple[int, int], dtype: str) -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [Sum.over(x * x, 0), Max.over(x, 0, keepdims=True), x - Max.over(x, 0)]

    check(schedule("columns", shape[1:], shape[:1]), [sample(shape, dtype)], body)


def test_columns_of_several_dims() -> None:
    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        return [Sum.over(x * y, (0, 1))]

    check(schedule("columns", (4, 9), (2, 3)), [sample((2, 3, 4, 9)), sample((2, 1, 1, 9))], body)


@settings(max_examples=15, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 5]),
    columns=st.sampled_from([1, 3, 8, 17, 41]),
    stages=st.lists(st.sampled_from(["max", "sum", "exp", "tanh"]), max_size=5),
    kind=st.sampled_from(["rows", "columns"]),
)
def test_random_stages(rows: int, columns: int, stages: list[str], kind: str) -> None:
    """Chains of elementwise operations and reductions, each using the one before."""
    axis = 1 if kind == "rows" else 0

    def body(x: Tensor) -> list[Tensor]:
        value = x
        for stage in stages:
            if stage in ("exp", "tanh"):
                value = Tanh.of(value) if stage == "tanh" else Exp.of(Tanh.of(value))
            else:
                family = Max if stage == "max" else Sum
                value = value - family.over(value, axis, keepdims=True) / 4
        return [value, Sum.over(value * x, axis)]

    extents = (rows,), (columns,)
    parallel, reduce = extents if kind == "rows" else extents[::-1]
    check(schedule(kind, parallel, reduce), [sample((rows, columns), "f64")], body)
