"""`x[…]` against NumPy: values, gradients, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.dialects.graph.tensor.types import numpy_dtype

WRONG: Any = None


@st.composite
def basic_indices(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """A shape, and a basic index that NumPy accepts for it."""
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=4)))
    taken = draw(st.integers(0, len(shape)))
    leading = draw(st.integers(0, taken))
    axes = [*range(leading), *range(len(shape) - (taken - leading), len(shape))]
    entries = [draw(_entry(shape[axis])) for axis in axes]
    if taken < len(shape) or draw(st.booleans()):
        entries.insert(leading, Ellipsis)
    for _ in range(draw(st.integers(0, 8 - max(len(shape), 6)))):
        entries.insert(draw(st.integers(0, len(entries))), None)
    return shape, tuple(entries)


def _entry(extent: int) -> st.SearchStrategy[Any]:
    bounds = st.none() | st.integers(-extent - 2, extent + 2)
    slices = st.builds(slice, bounds, bounds, st.none() | st.sampled_from([1, 2, 3, -1, -2, -3, 7, -7]))
    return slices | st.integers(-extent, extent - 1) if extent else slices


def _values_and_gradients(
    shape: tuple[int, ...], static: bool, index: Callable[[Any], Any], target: str
) -> None:
    """`index` of a tensor, and the gradients of a curved function of it, against the same on arrays."""
    rng = np.random.default_rng(0)
    x0 = rng.standard_normal(shape)
    expected = np.asarray(index(x0))
    places = index(np.arange(x0.size).reshape(shape))
    first, second = np.zeros(x0.size), np.zeros(x0.size)
    np.add.at(first, places, 3 * expected**2)
    np.add.at(second, places, 6 * expected)
    with pb.Graph():
        x = pb.placeholder("f64", shape if static else (None,) * len(shape), name="x")
        y = index(x)
        (dx,) = pb.gradients(y * y * y, [x])
        (ddx,) = pb.gradients(dx, [x])
        found = pb.run([y, dx, ddx], {x: x0}, target=target)
    assert found[0].shape == expected.shape
    np.testing.assert_array_equal(found[0], expected)
    for value, wanted in zip(found[1:], (first, second), strict=True):
        np.testing.assert_allclose(value, wanted.reshape(shape), rtol=1e-12)
    if static:
        assert y.shape == expected.shape


@given(basic_indices(), st.booleans(), st.sampled_from(["numpy", "numpy", "numpy", "cpu"]))
def test_basic_indexing(case: tuple[tuple[int, ...], tuple[Any, ...]], static: bool, target: str) -> None:
    shape, key = case
    _values_and_gradients(shape, static, lambda x: x[key], target)


WITH_ARRAYS: dict[str, Callable[[Any], Any]] = {
    "rows": lambda x: x[[2, 0, 2]],
    "columns": lambda x: x[:, [1, -1]],
    "along the last": lambda x: x[..., [0, 3, 3]],
    "of two axes": lambda x: x[:, np.array([[0, 1], [-1, 0]])],
    "no rows": lambda x: x[[]],
    "with a slice": lambda x: x[1:, ::-1, [0, -4]],
    "with a number beside it": lambda x: x[0, [1, 0]],
    "with a number after it": lambda x: x[[1, 0], 1],
    "with a number apart": lambda x: x[0, :, [1, 0, 2]],
    "rows with a number apart": lambda x: x[[1, 0, 2], :, 2],
    "of two axes, with a number apart": lambda x: x[1, :, np.array([[0, 1, 2], [3, 2, 1]])],
    "a new axis in front": lambda x: x[None, [1, 0]],
    "a new axis behind": lambda x: x[:, [1, 0], None],
    "apart, with new axes": lambda x: x[None, 2, :, None, [1, 0, 2]],
    "parted by a new axis": lambda x: x[2, None, [1, 0]],
    "an array of one number": lambda x: x[np.array(1)],
    "two arrays": lambda x: x[[2, 0, 1], [0, 1, 0]],
    "two arrays of the last axes": lambda x: x[:, [1, 0], [3, -1]],
    "three arrays": lambda x: x[[2, 0], [1, 1], [-4, 0]],
    "arrays that broadcast": lambda x: x[[[0], [2]], [1, 0, 1]],
    "arrays apart": lambda x: x[[2, 0], ::-1, [1, 3]],
    "arrays apart, sliced": lambda x: x[[2, 0], 1:, [1, 3]],
    "arrays with a number between": lambda x: x[[2, 0], 1, [1, 3]],
    "arrays parted by a new axis": lambda x: x[[2, 0], None, [1, 1]],
    "arrays and new axes": lambda x: x[None, :, None, [0, 1], [1, 2], None],
    "a pair that is empty": lambda x: x[[], []],
    "NumPy's integers": lambda x: x[np.int64(-1), np.uint8(1)],
}


MASKS: dict[str, Callable[[Any], Any]] = {
    "a mask of one axis": lambda x: x[[True, False, True]],
    "a mask behind": lambda x: x[..., np.array([True, False, False, True])],
    "a mask of two axes": lambda x: x[np.array([[True, False], [True, True], [False, True]])],
    "a mask of the last two axes": lambda x: x[:, np.arange(8).reshape(2, 4) % 3 == 0],
    "a mask and an array": lambda x: x[[True, False, True], [1, 0]],
    "a mask apart from an array": lambda x: x[[True, False, True], :, [1, 0]],
    "nothing of a mask": lambda x: x[np.zeros((3, 2, 4), bool)],
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("case", WITH_ARRAYS)
@pytest.mark.filterwarnings("ignore:Converting sparse")
def test_arrays(case: str, static: bool) -> None:
    _agrees_with_numpy(WITH_ARRAYS[case], static)


@pytest.mark.parametrize("case", MASKS)
def test_masks(case: str) -> None:
    _agrees_with_numpy(MASKS[case], static=True)


def _agrees_with_numpy(function: Callable[[Any], Any], static: bool) -> None:
    """Values, and gradients of both orders, on both targets."""
    x0 = np.arange(24.0).reshape(3, 2, 4)
    expected, places = function(x0), function(np.arange(24).reshape(3, 2, 4))
    wanted = [np.zeros(24) for _ in range(2)]
    np.add.at(wanted[0], places, 3 * expected**2)
    np.add.at(wanted[1], places, 6 * expected)
    with pb.Graph():
        x = pb.placeholder("f64", (3, 2, 4) if static else (None, None, None), name="x")
        y = function(x)
        first = _dense(*pb.gradients(y * y * y, [x]))
        second = _dense(*pb.gradients(first, [x]))
        for target in ("numpy", "cpu"):
            found, *gradients = pb.run([y, first, second], {x: x0}, target=target)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(gradients, [w.reshape(3, 2, 4) for w in wanted])
    assert not static or y.shape == expected.shape


def _dense(gradient: pb.Tensor | pb.IndexedSlices | None) -> pb.Tensor:
    assert gradient is not None
    return gradient if isinstance(gradient, pb.Tensor) else gradient.as_tensor()


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize(
    "dtypes", [("i32", "i32"), ("i64", "i32"), ("i8", "ui8"), ("i16", "i64")], ids="-".join
)
@pytest.mark.parametrize("shape", [(7, 5), (None, None)], ids=str)
def test_arrays_known_at_run_time(
    graph: pb.Graph, rng: np.random.Generator, dtypes: tuple[str, str], shape: Any, target: str
) -> None:
    """Tensors that broadcast against each other, of extents and values that are known at run time only."""
    x = pb.placeholder("f32", shape, name="x")
    i, j = (pb.placeholder(dtype, (None, None), name="i") for dtype in dtypes)
    (dx,) = pb.gradients(x[i, j] ** 2, [x])
    x0 = rng.random((7, 5), np.float32)
    for rows, columns in (((4, 1), (1, 3)), ((4, 3), (1, 1)), ((1, 3), (4, 3)), ((0, 1), (1, 3))):
        i0, j0 = rng.integers(0, 7, rows), rng.integers(0, 5, columns)
        i0, j0 = (i0 - 7 if dtypes[0] == "i8" else i0), (j0 - 5 if dtypes[1] == "i32" else j0)
        inputs = {x: x0, i: i0.astype(numpy_dtype(i.element_type)), j: j0.astype(numpy_dtype(j.element_type))}
        found, gradient = pb.run([x[i, j], _dense(dx)], inputs, target=target)
        np.testing.assert_array_equal(found, x0[i0, j0])
        wanted = np.zeros_like(x0)
        np.add.at(wanted, (i0, j0), 2 * x0[i0, j0])
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["i8", "i16", "i32", "i64", "ui8"])
@pytest.mark.parametrize("shape", [(200, 3), (None, None)], ids=str)
def test_tensors_of_one_integer(graph: pb.Graph, dtype: str, shape: tuple[int | None, ...]) -> None:
    x0 = np.arange(600.0, dtype=np.float32).reshape(200, 3)
    x = pb.placeholder("f32", shape, name="x")
    i, j = pb.placeholder(dtype, (), name="i"), pb.placeholder(dtype, (), name="j")
    found = pb.run([x[i], x[:, j], x[i, j], x[5, i], x[i, ::2]], {x: x0, i: 2, j: 1})
    for value, expected in zip(found, [x0[2], x0[:, 1], x0[2, 1], x0[5, 2], x0[2, ::2]], strict=True):
        np.testing.assert_array_equal(value, expected)
    if dtype != "ui8":
        np.testing.assert_array_equal(pb.run(x[i, j], {x: x0, i: -3, j: -1}), x0[-3, -1])


def test_out_of_range_at_run_time_is_zeros(graph: pb.Graph) -> None:
    x, i = pb.placeholder("f32", (2, 3), name="x"), pb.placeholder("i32", (), name="i")
    for index in (2, -3):
        np.testing.assert_array_equal(pb.run(x[i], {x: np.ones((2, 3), np.float32), i: index}), np.zeros(3))


def test_the_gradient_of_rows_is_rows(graph: pb.Graph) -> None:
    x, i = pb.placeholder("f32", (5, 3), name="x"), pb.placeholder("i32", (), name="i")
    for y in (x[i], x[i, 0], x[i, ::-1], x[[1, 2], 1:]):
        (dx,) = pb.gradients(y, [x])
        assert isinstance(dx, pb.IndexedSlices)


def test_rows_are_iterated(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3, None), name="x")
    x0 = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert len(x) == 3
    first, *rest = x
    (dx,) = pb.gradients(rest[1] * first, [x])
    values = pb.run([first, *rest, dx], {x: x0})
    np.testing.assert_array_equal(values[:3], x0)
    np.testing.assert_array_equal(values[3], [x0[2], [0, 0], x0[0]])
    assert list(pb.placeholder("f32", (0, 2))) == []


def test_variables_are_indexed_and_iterated(graph: pb.Graph) -> None:
    w = pb.Variable(np.arange(6, dtype=np.float32).reshape(3, 2), name="w")
    before = w[1]
    update = w.assign_sub(1.0)
    with pb.control_dependencies([update]):
        after = w[1:, ::-1]
    found = pb.run([before, after])
    np.testing.assert_array_equal(found[0], [2, 3])
    np.testing.assert_array_equal(found[1], [[2, 1], [4, 3]])
    assert len(w) == 3
    assert [row.shape for row in w] == [(2,)] * 3


def test_outside_of_every_graph_the_tensors_graph_is_added_to() -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (3,), name="x")
    y = x[1:]
    assert y.op.parent is x.value.owner
    np.testing.assert_array_equal(pb.run(y, {x: [1, 2, 3]}, graph=g), [2, 3])


def test_equal_slices_are_one(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (5, 3), name="x")
    assert x[:].is_same(x)
    assert x[0:5, -3:].is_same(x)
    properties = [y.op.properties for y in (x[3:], x[-2:100], x[3::1, :])]
    assert properties[0] == properties[1] == properties[2]


REFUSED: dict[str, tuple[type[Exception], str, Callable[[Any], object]]] = {
    "a number beyond the end": (
        IndexError,
        "index 2 is out of range for axis 0 of .*'x'.*, of extent 2: expected -2 to 1",
        lambda x: x[2],
    ),
    "a number before the beginning": (
        IndexError,
        "index -4 is out of range for axis 1",
        lambda x: x[..., -4],
    ),
    "an array beyond the end": (IndexError, "index 3 is out of range for axis 1", lambda x: x[:, [0, 3]]),
    "too many": (IndexError, "'x'.* has 2 axes, 3 indices are given", lambda x: x[0, 0, 0]),
    "two ellipses": (TypeError, "may occur once", lambda x: x[..., 0, ...]),
    "a fraction": (TypeError, "got float", lambda x: x[0.5]),
    "a string": (TypeError, "got str", lambda x: x["a"]),
    "an array of fractions": (TypeError, "got an array of float64", lambda x: x[[0.5]]),
    "a tensor of fractions": (TypeError, "expected a tensor of integers", lambda x: x[x]),
    "a mask": (TypeError, r"a mask .* where\(mask, x, 0\)", lambda x: x[x > 0.0]),
    "a mask of another shape": (
        IndexError,
        r"a mask of shape \(3,\) from axis 0 on: expected the shape \(2\)",
        lambda x: x[[True, False, True]],
    ),
    "a mask of too many axes": (IndexError, "3 indices are given", lambda x: x[np.ones((2, 3, 1), bool)]),
    "a truth value": (TypeError, "a single truth value", lambda x: x[True]),
    "an array of a truth value": (TypeError, "a single truth value", lambda x: x[np.array(True)]),
    "a list of tensors": (TypeError, r"stack\(\)", lambda x: x[[pb.constant(0), 1]]),
    "arrays that do not broadcast": (ValueError, "do not broadcast", lambda x: x[[0, 1], [0, 1, 2]]),
    "a slice to a tensor": (TypeError, "use slice", lambda x: x[: pb.constant(1)]),
    "a slice to a fraction": (TypeError, "must be an integer or None, got 0.5", lambda x: x[:0.5]),
    "no step": (ValueError, "the step of a slice is 0", lambda x: x[::0]),
    "membership": (TypeError, "a in x is no operation", lambda x: 0 in x),
    "a scalar's rows": (TypeError, "cannot be iterated: a scalar has no axes", lambda x: list(x[0, 0])),
    "a scalar's length": (TypeError, "it has no axes", lambda x: len(x[0, 0])),
    "an index of a scalar": (IndexError, "has 0 axes, 1 indices", lambda x: x[0, 0][0]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(graph: pb.Graph, case: str) -> None:
    kind, message, act = REFUSED[case]
    x = pb.placeholder("f32", (2, 3), name="x")
    with pytest.raises(kind, match=message) as caught:
        act(x)
    assert isinstance(caught.value, ValueError) or case == "membership"


def test_what_is_known_at_run_time_only(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None, 3), name="x")
    with pytest.raises(TypeError, match="known only at run time"):
        len(x)
    with pytest.raises(TypeError, match=re.escape("while_loop()")):
        list(x)
    assert x[0].shape == (3,)
    for target in ("numpy", "cpu"):
        with pytest.raises(ValueError, match="squeeze"):
            pb.run(x[4], {x: np.zeros((2, 3), np.float32)}, target=target)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("window", [False, True], ids=["row", "window"])
def test_in_a_loop(graph: pb.Graph, target: str, window: bool) -> None:
    """A recurrence that reads what a counter points at, and its gradient."""
    x0 = np.linspace(0.5, 1.5, 12).reshape(4, 3)
    x = pb.placeholder("f64", (4, 3), name="x")

    def body(i: pb.Tensor, total: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
        row = pb.slice(x, [i, 0], [1, 3])[0] if window else x[i]
        return i + 1, total * row[::-1] + row

    _, y = pb.while_loop(lambda i, total: i < 4, body, [pb.constant(0), pb.zeros((3,), "f64")])
    (dx,) = pb.gradients(y, [x])
    dense = dx if isinstance(dx, pb.Tensor) else dx.as_tensor()
    found, gradient = pb.run([y, dense], {x: x0}, target=target)

    def reference(rows: np.ndarray) -> np.ndarray:
        total = np.zeros(3)
        for row in rows:
            total = total * row[::-1] + row
        return total

    np.testing.assert_allclose(found, reference(x0), rtol=1e-12)
    step = 1e-6
    for place in np.ndindex(x0.shape):
        moved = [x0.copy(), x0.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        slope = (reference(moved[0]) - reference(moved[1])).sum() / (2 * step)
        assert gradient[place] == pytest.approx(slope, rel=1e-6)
