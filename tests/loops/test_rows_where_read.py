"""Rows of a table that are updated in the loops that read them: indices that come again, bits, threads, refusals."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.extend import compile_function, context, parse
from pullback.passes.kernels.form import form_kernels
from pullback.passes.loops import row_updates

ROWS, COUNT = 3000, 300
Loss = Callable[[Any, Any], Any]
KINDS = ["apart", "some", "often", "one", "wrong"]


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("PULLBACK_CACHE", "0")  # whose keys do not know what is patched here
    yield
    pb.set_num_threads(None)


def squares(rows: Any, weights: Any) -> Any:
    return pb.sum(pb.square(rows) * weights)


def step_on_rows(
    shape: tuple[int, ...], dtype: str = "f32", target: str = "cpu", loss: Loss = squares
) -> tuple[pb.Step, Any]:
    """A step of SGD on rows of a variable, and the variable."""
    numbers = np.random.default_rng(5).normal(size=shape)
    with pb.Graph():
        table = pb.Variable(numbers.astype(numpy_dtype(element_type_from(dtype))))
        indices = pb.placeholder("i32", (COUNT,))
        weights = pb.placeholder(dtype, (COUNT, *shape[1:]))
        value = loss(pb.gather(table, indices), weights)
        update = pb.train.GradientDescentOptimizer(0.25).minimize(value, var_list=[table])
        return pb.compile([indices, weights], [value, update], target=target), table


def indices_of(kind: str) -> np.ndarray:
    """Indices of which none, some or all come again, or that are out of range."""
    rng = np.random.default_rng(7)
    match kind:
        case "apart":
            found = rng.permutation(ROWS)[:COUNT]
        case "some":
            found = rng.integers(0, ROWS, COUNT)
        case "often":
            found = rng.integers(0, 5, COUNT)
        case "one":
            found = np.full(COUNT, 17)
        case _:
            found = rng.integers(-ROWS, 2 * ROWS, COUNT)
            found[:4] = ROWS, -1, 2**31 - 1, -(2**31)
    return found.astype(np.int32)


def scatters(step: pb.Step) -> int:
    """How many kernels do nothing but to scatter rows."""
    return step.ir("kernels").count("kind = scatter")


def is_joined(step: pb.Step) -> bool:
    assert "graph.densify" in step.ir("kernels")
    return scatters(step) == 0


def after_a_step(step: pb.Step, table: Any, indices: np.ndarray) -> np.ndarray:
    """The table after one step."""
    before = table.numpy()
    shape = (COUNT, *before.shape[1:])
    weights = np.random.default_rng(9).normal(size=shape).astype(before.dtype)
    step(indices, weights)
    return table.numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16"])
def test_rows_have_the_bits_of_a_kernel_for_each(
    dtype: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    indices = indices_of(kind)
    joined = step_on_rows((ROWS, 37), dtype)
    found = after_a_step(*joined, indices)
    with monkeypatch.context() as patch:
        patch.setattr(form_kernels, "update_where_read", lambda block: None)
        apart = step_on_rows((ROWS, 37), dtype)
        expected = after_a_step(*apart, indices)
        kernels = scatters(apart[0])
    assert scatters(joined[0]) == kernels - 1
    np.testing.assert_array_equal(found, expected)
    by_numpy = after_a_step(*step_on_rows((ROWS, 37), dtype, "numpy"), indices)
    tolerance = {"f16": 2e-2, "bf16": 2e-1}.get(dtype, 1e-4)
    np.testing.assert_allclose(found.astype(float), by_numpy.astype(float), rtol=tolerance, atol=tolerance)


OPTIMIZERS = [
    pb.train.MomentumOptimizer(0.1, 0.9),
    pb.train.AdagradOptimizer(0.1),
    pb.train.AdamOptimizer(0.1),
    pb.train.RMSPropOptimizer(0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: type(each).__name__)
def test_optimizers_with_tables_of_their_own(optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(3).normal(size=(ROWS, 24)).astype(np.float32)

    def trained(target: str) -> np.ndarray:
        with pb.Graph():
            table, indices = pb.Variable(numbers), pb.placeholder("i32", (COUNT,))
            loss = pb.sum(pb.square(pb.gather(table, indices)))
            step = pb.compile([indices], [loss, optimizer.minimize(loss, var_list=[table])], target=target)
        for kind in KINDS:
            step(indices_of(kind))
        return table.numpy()

    found = trained("cpu")
    with monkeypatch.context() as patch:
        patch.setattr(form_kernels, "update_where_read", lambda block: None)
        np.testing.assert_array_equal(found, trained("cpu"))
    np.testing.assert_allclose(found, trained("numpy"), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(ROWS, 2), (ROWS, 16), (ROWS, 100), (ROWS, 3, 5), (ROWS, 4, 16)])
def test_shapes_of_rows(shape: tuple[int, ...]) -> None:
    indices = indices_of("some")
    step, table = step_on_rows(shape)
    found = after_a_step(step, table, indices)
    assert is_joined(step)
    by_numpy = after_a_step(*step_on_rows(shape, "f32", "numpy"), indices)
    np.testing.assert_allclose(found, by_numpy, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_threads(kind: str) -> None:
    found: list[np.ndarray] = []
    for threads in (1, 2, 5):
        pb.set_num_threads(threads)
        step, table = step_on_rows((ROWS, 256), loss=lambda rows, weights: pb.sum(pb.tanh(rows) * weights))
        for _ in range(30):
            after_a_step(step, table, indices_of(kind))
        found.append(table.numpy())
        assert is_joined(step)
        assert "split = " in step.ir("kernels")
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("slots", [64, 1 << 16])
@pytest.mark.parametrize("dtype", ["i32", "i64"])
@pytest.mark.parametrize("count", [2, 17, 64, 101, 33_000])
def test_indices_that_share_a_slot(
    count: int, dtype: str, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_updates, "MOST_SLOTS", slots)
    rng = np.random.default_rng(count)
    numbers = rng.normal(size=(5 * count, 6)).astype(np.float32)
    with pb.Graph():
        table, indices = pb.Variable(numbers), pb.placeholder(dtype, (count,))
        loss = pb.sum(pb.square(pb.gather(table, indices)))
        step = pb.compile(
            [indices], [pb.train.GradientDescentOptimizer(0.25).minimize(loss, var_list=[table])]
        )
    for high in (5 * count, 2 * count, 3):
        at = rng.integers(-1, high, count)
        step(at.astype(numpy_dtype(element_type_from(dtype))))
        at = at[(at >= 0) & (at < 5 * count)]
        np.subtract.at(numbers, at, 0.5 * numbers[at])
        np.testing.assert_allclose(table.numpy(), numbers, rtol=1e-4, atol=1e-6)
        numbers = table.numpy()
    assert is_joined(step)


def test_rows_without_a_loss() -> None:
    numbers = np.random.default_rng(3).normal(size=(ROWS, 512)).astype(np.float32)
    with pb.Graph():
        table, indices = pb.Variable(numbers), pb.placeholder("i32", (COUNT,))
        loss = pb.sum(pb.square(pb.gather(table, indices)))
        step = pb.compile(
            [indices], [pb.train.GradientDescentOptimizer(0.25).minimize(loss, var_list=[table])]
        )
    at = indices_of("some")
    for threads in (1, 2):
        pb.set_num_threads(threads)
        step(at)
        change = 0.5 * numbers[at]
        np.subtract.at(numbers, at, change)
        np.testing.assert_allclose(table.numpy(), numbers, rtol=1e-5, atol=1e-6)
    assert is_joined(step)
    assert "split = " in step.ir("kernels")


@pytest.mark.parametrize(
    "loss",
    [
        lambda rows, weights: pb.sum(
            rows * pb.reverse(rows, [1]) * weights
        ),  # reads other columns of the row
        lambda rows, weights: pb.sum(pb.softmax(rows) * weights),  # waits for a total of the row
        lambda rows, weights: pb.square(pb.sum(rows * rows * weights)),  # waits for the total of all
    ],
)
def test_what_cannot_be_updated_where_it_is_read(loss: Loss) -> None:
    step, table = step_on_rows((ROWS, 32), loss=loss)
    found = after_a_step(step, table, indices_of("some"))
    assert "kind = scatter" in step.ir("kernels")
    by_numpy = after_a_step(*step_on_rows((ROWS, 32), "f32", "numpy", loss), indices_of("some"))
    np.testing.assert_allclose(found, by_numpy, rtol=1e-3, atol=1e-3)


def test_a_table_of_few_rows_has_a_kernel_for_each() -> None:
    step, table = step_on_rows((3 * COUNT, 32))
    after_a_step(step, table, indices_of("often"))
    assert "kind = scatter" in step.ir("kernels")


KERNEL = """
func.func @main(%x: tensor<50x8xf32>, %i: tensor<9xi32>) -> (tensor<f32>, tensor<50x8xf32>) {
  %total, %new = graph.kernel %x, %i schedule<kind = rows, parallel = [], reduce = [9, 8]>
      : (tensor<50x8xf32>, tensor<9xi32>) -> (tensor<f32>, tensor<50x8xf32>) {
  ^bb0(%a: tensor<50x8xf32>, %b: tensor<9xi32>):
    %rows = graph.gather %a, %b : (tensor<50x8xf32>, tensor<9xi32>) -> tensor<9x8xf32>
    %sum = graph.sum %rows {axes = array<i64: 0, 1>} : (tensor<9x8xf32>) -> tensor<f32>
    %change = graph.multiply %rows, %rows : tensor<9x8xf32>
    %slices = graph.make_slices %change, %b : (tensor<9x8xf32>, tensor<9xi32>)
        -> !graph.slices<tensor<9x8xf32>, tensor<9xi32>, tensor<50x8xf32>>
    %dense = graph.densify %slices
        : (!graph.slices<tensor<9x8xf32>, tensor<9xi32>, tensor<50x8xf32>>) -> tensor<50x8xf32>
    %updated = graph.subtract %a, %dense : tensor<50x8xf32>
    graph.yield %sum, %updated : tensor<f32>, tensor<50x8xf32>
  }
  func.return %total, %new : tensor<f32>, tensor<50x8xf32>
}
"""


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_a_table_that_stays_is_copied(target: str) -> None:
    x = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    indices = np.array([3, 7, 3, -1, 50, 49, 0, 3, 8], np.int32)
    program = compile_function(parse(context(), KERNEL).module, target)
    total, found = program([x, indices], {})
    right = (indices >= 0) & (indices < 50)
    expected = x.copy()
    np.subtract.at(expected, indices[right], x[indices[right]] ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(total, x[indices[right]].sum(), rtol=1e-5)


def run(text: str, target: str) -> None:
    table = np.zeros((2, 8), np.float16) if "f16" in text else np.zeros((50, 8), np.float32)
    compile_function(parse(context(), text).module, target)([table, np.zeros(9, np.int32)], {})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("parallel = [], reduce = [9, 8]", "parallel = [9], reduce = [8]", "counted by reduced extents"),
        ("kind = rows", "kind = columns", "kind 'columns' does not fit: the region holds 'graph.densify'"),
        ("50x8xf32", "2x8xf16", "need no wider sums"),
        (
            "graph.multiply %rows, %rows : tensor<9x8xf32>",
            "graph.multiply %rows, %sum : (tensor<9x8xf32>, tensor<f32>) -> tensor<9x8xf32>",
            "wait for no reduction",
        ),
    ],
)
def test_what_does_not_fit_is_refused(old: str, new: str, message: str) -> None:
    text = KERNEL.replace(old, new)
    if "f16" in new:
        text = text.replace("f32", "f16")
    assert text != KERNEL
    with pytest.raises(DiagnosticError, match=message):
        run(text, "cpu")


def test_gpus_have_no_such_kernel() -> None:
    with pytest.raises(DiagnosticError, match="updates no table here"):
        run(KERNEL, "simt")


@pytest.mark.parametrize("kind", ["i32", "i64"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_indices_that_agree_in_some_bits(threads: int, kind: str) -> None:
    rows, slots = 300_000, 4096
    numbers = np.arange(rows, dtype=np.uint32)
    other_bits = (numbers * np.uint32(0x9E3779B1)) >> 20
    last = numbers[::slots]
    other = numbers[other_bits == other_bits[17]]
    rng = np.random.default_rng(11)
    indices = np.concatenate([last, other, last[::3], other[::5], [-1, rows]])[:COUNT]
    indices = np.concatenate([indices, rng.integers(0, rows, COUNT - len(indices))])
    indices = rng.permutation(indices).astype(kind.replace("i", "int"))
    assert len(np.unique(indices % slots)) < COUNT - 60
    table = rng.normal(size=(rows, 16)).astype(np.float32)
    pb.set_num_threads(threads)
    found: list[np.ndarray] = []
    for target in ("cpu", "numpy"):
        with pb.Graph():
            variable, given = pb.Variable(table), pb.placeholder(kind, (COUNT,))
            loss = pb.sum(pb.square(pb.gather(variable, given)))
            update = pb.train.GradientDescentOptimizer(0.25).minimize(loss, var_list=[variable])
            step = pb.compile([given], [loss, update], target=target)
        step(indices)
        found.append(variable.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-5)
