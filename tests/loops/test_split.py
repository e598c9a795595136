"""Long reductions in parts: full sums, totals over lines, few long lines, columns; remainders, masks, empty blocks."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.extend import compile_function, context, parse
from pullback.passes.kernels.check.check_schedule import check_schedule
from pullback.passes.lowering.reduction_split import LoopParts
from pullback.tests.loops.kernel_cases import check, kernel_function, sample, schedule

Body = Callable[..., list[Tensor]]


def full(x: Tensor) -> list[Tensor]:
    y = Tanh.of(x)
    return [Sum.over(y, (0,)), y * y]


def softmax(x: Tensor) -> list[Tensor]:
    e = Exp.of(x - Max.over(x, 1, keepdims=True))
    return [e / Sum.over(e, 1, keepdims=True)]


def with_totals(x: Tensor) -> list[Tensor]:
    """Values of each element and of each row, totals of each column, and one of all."""
    e = Exp.of(x - Max.over(x, 1, keepdims=True))
    total = Sum.over(e, 1, keepdims=True)
    y = e / total
    return [y, Sum.over(y * x, 0), Sum.over(y * x, (0, 1)), Log.of(Sum.over(e, 1)), Max.over(y, 0)]


def columns(x: Tensor) -> list[Tensor]:
    """Two stages down the columns, and what is made of both."""
    centred = x - Sum.over(x, 0, keepdims=True) * 0.01
    squares = Sum.over(centred * centred, 0, keepdims=True)
    return [centred / (squares + 1.0), Sum.over(squares, (0, 1)), Max.over(x, 0)]


@pytest.mark.parametrize(("size", "parts"), [(17, 2), (64, 16), (1009, 5), (1009, 16)])
def test_sum_of_all(size: int, parts: int) -> None:
    native = (size, parts) == (1009, 5)
    check(schedule("rows", (), (size,), split=parts, unroll=2), [sample((size,))], full, native=native)


@pytest.mark.parametrize("shape", [(3, 200), (2, 37), (1, 300), (5, 8)])
def test_few_long_rows(shape: tuple[int, int]) -> None:
    check(schedule("rows", shape[:1], shape[1:], split=8), [sample(shape)], softmax, native=shape == (3, 200))


@pytest.mark.parametrize("shape", [(30, 50), (301, 7), (5, 17), (2, 200), (200, 1)])
def test_totals_over_rows(shape: tuple[int, int]) -> None:
    native = shape == (30, 50)
    check(schedule("rows", shape[:1], shape[1:], split=3), [sample(shape)], with_totals, native=native)


def test_rows_in_two_dims_that_are_not_one() -> None:
    def body(x: Tensor, b: Tensor) -> list[Tensor]:
        y = Tanh.of(x + b)
        return [Sum.over(y, (0, 1)), Sum.over(Sum.over(y, 2), (0, 1)), y]

    arrays = [sample((4, 30, 20)), sample((30, 20))]
    check(schedule("rows", (4, 30), (20,), split=7), arrays, body, native=False)
    two = schedule("columns", (20,), (4, 30), split=7)
    check(two, arrays, lambda x, b: body(x, b)[::2], native=False)


@pytest.mark.parametrize(
    ("shape", "parts"), [((500, 16), 2), ((211, 7), 5), ((101, 72), 2), ((32, 136), 5), ((50, 1), 5)]
)
def test_columns(shape: tuple[int, int], parts: int) -> None:
    native = shape == (101, 72)
    check(schedule("columns", shape[1:], shape[:1], split=parts), [sample(shape)], columns, native=native)


@pytest.mark.parametrize("dtype", ["f64", "i32", "i64"])
def test_dtypes(dtype: str) -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [Sum.over(x, (0,)), Max.over(x, (0,))]

    check(schedule("rows", (), (509,), split=5), [sample((509,), dtype)], body, native=False)
    check(schedule("columns", (9,), (111,), split=5), [sample((111, 9), dtype)], body, native=False)


def test_nan_and_infinity() -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [Sum.over(x, (0,)), Max.over(x, (0,))]

    x = sample((509,))
    for last in (np.nan, -1):
        x[250], x[508] = np.inf, last
        check(schedule("rows", (), (509,), split=5), [x], body, native=False)


LONG = """
func.func @main(%x: tensor<200000x3xf32>) -> (tensor<f32>, tensor<3xf32>) {
  %a = graph.kernel %x schedule<kind = rows, parallel = [], reduce = [200000, 3], cpu = {split = 5}>
      : (tensor<200000x3xf32>) -> tensor<f32> {
  ^bb0(%0: tensor<200000x3xf32>):
    %1 = graph.sum %0 {axes = array<i64: 0, 1>} : (tensor<200000x3xf32>) -> tensor<f32>
    graph.yield %1 : tensor<f32>
  }
  %b = graph.kernel %x schedule<kind = columns, parallel = [3], reduce = [200000], cpu = {split = 5}>
      : (tensor<200000x3xf32>) -> tensor<3xf32> {
  ^bb0(%2: tensor<200000x3xf32>):
    %3 = graph.sum %2 {axes = array<i64: 0>} : (tensor<200000x3xf32>) -> tensor<3xf32>
    graph.yield %3 : tensor<3xf32>
  }
  func.return %a, %b : tensor<f32>, tensor<3xf32>
}
"""


def test_sums_stay_accurate() -> None:
    program = compile_function(parse(context(), LONG).module, "cpu")
    total, each = program([np.full((200_000, 3), 0.1, np.float32)], {})
    exact = float(np.float32(0.1)) * 200_000
    assert abs(total / (3 * exact) - 1) < 1e-6
    assert np.abs(each / exact - 1).max() < 1e-6


@pytest.mark.parametrize(("count", "parts"), [(50_000, None), (100_000, "8"), (10_000_000, "64")])
def test_long_sums_have_parts_that_threads_share_evenly(count: int, parts: str | None) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (count,))
        text = pb.compile([x], [pb.sum(pb.tanh(x))]).ir("kernels")
    found = re.search(r"split = (\d+)", text)
    assert (found and found[1]) == parts


def test_the_cost_of_parts_is_that_of_the_whole() -> None:
    """Parts of 286 rows, of which the last one has fewer, must not be taken for loops of unknown length."""
    texts = [LONG.replace("split = 5", f"split = {parts}") for parts in (5, 700)]
    programs = [compile_function(parse(context(), text).module, "cpu") for text in texts]
    costs = [
        [int(cost) for cost in re.findall(r"@pb\.parallel\(.* i64 (\d+)\)", program.ir("llvm"))]
        for program in programs
    ]
    assert len(costs[0]) == 2
    for even, uneven in zip(*costs, strict=True):
        assert even / 3 < uneven < 3 * even


@pytest.mark.parametrize(
    ("kind", "parallel", "reduce", "parts", "message"),
    [
        ("rows", (), (100,), 1, "cpu split is 1; expected a number from 2 to 1024"),
        ("rows", (), (100,), 101, "no loop of a reduction has 101 iterations"),
    ],
)
def test_what_cannot_be_split(
    kind: str, parallel: tuple[int, ...], reduce: tuple[int, ...], parts: int, message: str
) -> None:
    _, kernel = kernel_function(schedule(kind, parallel, reduce, split=parts), [sample((100,))], full)
    with pytest.raises(DiagnosticError, match=message):
        check_schedule(kernel)


def test_what_has_nothing_to_split() -> None:
    x = [sample((20, 30))]
    _, kernel = kernel_function(schedule("pointwise", (20, 30), split=4), x, lambda x: [Tanh.of(x)])
    with pytest.raises(DiagnosticError, match="says nothing to kind 'pointwise', only to rows and columns"):
        check_schedule(kernel)

    def both(x: Tensor) -> list[Tensor]:
        return [Sum.over(x, 0), Sum.over(x, 1)]

    _, kernel = kernel_function(schedule("columns", (30,), (20,), split=4), x, both)
    with pytest.raises(DiagnosticError, match="but there are totals along the rows, too; remove it"):
        check_schedule(kernel)


def test_parts() -> None:
    assert LoopParts.of(1000, 8) == LoopParts(1000, 125, 8)
    assert LoopParts.of(1000, 7, 64) == LoopParts(960, 192, 5)
    assert LoopParts.of(60, 7, 64).count == 0
    assert LoopParts.of(1000, 8).are_even
    assert not LoopParts.of(1001, 8).are_even
