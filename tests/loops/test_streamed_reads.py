"""What loops along consecutive elements fetch ahead: each operand that comes from afar, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype
from pullback.passes.loops import streamed_reads
from pullback.passes.loops.streamed_reads import AHEAD, MOST_LINES, ROWS_AHEAD

FETCHED = re.compile(r"memref\.prefetch %(\w+)\[")


def fetched(f: Callable[..., Any], *types: tuple[str, tuple[int, ...]]) -> set[str]:
    """The names of the operands that the kernels of a program fetch."""
    with pb.Graph():
        xs = [
            pb.placeholder(dtype, shape, name=name)
            for name, (dtype, shape) in zip("xyz", types, strict=False)
        ]
        step = pb.compile(xs, [f(*xs)], target="cpu")
    return set(FETCHED.findall(step.ir("loops")))


@pytest.fixture
def nothing_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed_reads, "SECOND_CACHE", 0)


def test_pointwise_loops_fetch_what_the_second_cache_does_not_hold() -> None:
    def f(x: Any, y: Any) -> Any:
        return pb.tanh(x) * y

    assert fetched(f, ("f32", (1 << 19,)), ("f32", (1 << 19,))) == {"x", "y"}
    assert fetched(f, ("f32", (1 << 19,)), ("f32", ())) == {"x"}
    assert fetched(f, ("f32", (1 << 18,)), ("f32", (1 << 18,))) == set()
    assert fetched(f, ("f64", (1 << 18,)), ("f64", (1 << 18,))) == {"x", "y"}


def test_rows_are_fetched_but_no_bias() -> None:
    def f(x: Any, y: Any) -> Any:
        return pb.softmax(x + y)

    assert fetched(f, ("f32", (512, 2048)), ("f32", (2048,))) == {"x"}


def test_short_rows_that_are_not_side_by_side_are_not_fetched() -> None:
    def f(x: Any) -> Any:
        return pb.exp(x[:, :128])

    assert fetched(f, ("f32", (1 << 12, 256))) == set()


def test_columns_are_not_fetched() -> None:
    assert fetched(lambda x: pb.sum(pb.exp(x), axis=0), ("f32", (1024, 1024))) == set()


def test_rows_named_by_indices_are_fetched_from_afar_and_where_there_are_many() -> None:
    assert fetched(pb.gather, ("f32", (1 << 14, 64)), ("i32", (1024,))) == {"x"}
    assert fetched(pb.gather, ("f32", (1 << 12, 64)), ("i32", (1024,))) == set()
    assert fetched(pb.gather, ("f32", (1 << 14, 64)), ("i32", (8 * ROWS_AHEAD - 1,))) == set()


@pytest.mark.usefixtures("nothing_is_near")
@pytest.mark.parametrize("names", ["int32", "int64"])
@pytest.mark.parametrize("width", [3, 16, 40, 700])
def test_a_row_is_fetched_once_line_by_line_and_nothing_changes(names: str, width: int) -> None:
    rng = np.random.default_rng(0)
    table = rng.standard_normal((90, width)).astype(np.float32)
    at = rng.integers(0, 90, (8, 9)).astype(names)
    at[0, 0], at[-1, -3:] = -1, [90, -90, np.iinfo(names).max]
    with pb.Graph():
        given = [pb.placeholder(a.dtype, a.shape, name=n) for n, a in (("x", table), ("y", at))]
        rows = pb.gather(given[0], given[1])
        step = pb.compile(given, [rows * 2, pb.sum(pb.tanh(rows), axis=2)], target="cpu")
    valid = (at >= 0) & (at < 90)
    expected = np.where(valid[..., None], table[np.where(valid, at, 0)], 0)
    doubled, sums = step(table, at)
    np.testing.assert_array_equal(doubled, expected * 2)
    np.testing.assert_allclose(sums, np.tanh(expected).sum(axis=2), rtol=1e-5, atol=1e-5)
    lines, loops = min(-(-width // 16), MOST_LINES), step.ir("loops")
    assert len(FETCHED.findall(loops)) == lines * loops.count("func.func private")


@pytest.mark.usefixtures("nothing_is_near")
@pytest.mark.parametrize("width", [3, 40])
def test_rows_that_take_up_others_are_fetched_and_nothing_changes(width: int) -> None:
    rng = np.random.default_rng(1)
    table, rows = (rng.standard_normal((n, width)).astype(np.float32) for n in (50, 99))
    at = rng.integers(0, 50, 99).astype(np.int32)
    at[[0, 7, 98]] = -1, 50, 51
    with pb.Graph():
        variable = pb.Variable(table)
        given = [pb.placeholder(a.dtype, a.shape, name=n) for n, a in (("y", at), ("z", rows))]
        loss = pb.sum(pb.gather(variable, given[0]) * given[1])
        train = pb.train.GradientDescentOptimizer(0.5).minimize(loss, var_list=[variable])
        step = pb.compile(given, [loss, train], target="cpu")
    expected = table.copy()
    valid = (at >= 0) & (at < 50)
    np.subtract.at(expected, at[valid], rows[valid] * np.float32(0.5))
    step(at, rows)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-5)
    scatter = step.ir("loops").partition("scf.for %slice")[2]
    assert len(FETCHED.findall(scatter.partition("func.return")[0])) == -(-width // 16)


@pytest.mark.usefixtures("nothing_is_near")
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64", "i8"])
def test_it_is_two_kilobytes_ahead_and_changes_nothing(dtype: str) -> None:
    n = 5003
    with pb.Graph():
        x = pb.placeholder(dtype, (n,), name="x")
        step = pb.compile([x], [x + x], target="cpu")
    array = (np.arange(n) % 61).astype(numpy_dtype(element_type_from(dtype)))
    assert f"arith.addi %i, %c{AHEAD // array.itemsize} : index" in step.ir("loops")
    np.testing.assert_array_equal(np.asarray(step(array)[0]), array + array)
