"""Gradients of rows that became dense on their way, and slices that a user builds from those of a gradient."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb

TARGETS = pytest.mark.parametrize("target", ["numpy", "cpu"])
TABLE = np.arange(12.0).reshape(4, 3)
MORE = np.arange(20.0, 26.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def graph() -> Iterator[pb.Graph]:
    with warnings.catch_warnings(), pb.Graph() as graph:
        warnings.simplefilter("error")
        yield graph


def weights(n: int) -> pb.Tensor:
    """Another weight for each row."""
    return pb.constant(np.arange(1.0, n + 1)[:, None])


def squares(rows: pb.Tensor) -> pb.Tensor:
    count = (rows.size or 3) // 3
    flat = pb.reshape(rows, (count, 3))
    return flat * flat * weights(count)


PASSED: dict[str, Callable[[Any, Any], pb.Tensor]] = {
    "gather_nd": lambda a, b: squares(pb.gather_nd(a, [[1], [3], [1]])),
    "gather_nd of a matrix of indices": lambda a, b: squares(pb.gather_nd(a, [[[1], [3]], [[1], [9]]])),
    "concat": lambda a, b: squares(pb.gather(pb.concat([a, b], 0), [0, 5, 3, 4, 5, 6, -1])),
    "concat twice": lambda a, b: squares(pb.gather(pb.concat([b, a, b], 0), [0, 5, 3, 6, 7, 1])),
    "concat of i8 indices": lambda a, b: squares(
        pb.gather(pb.concat([a] * 40 + [b], 0), np.array([0, 5, 127, -128], np.int8))
    ),
    "concat along the columns": lambda a, b: squares(
        pb.gather(pb.concat([a, pb.stop_gradient(a)], 1), [1, 3, 1])[:, :3]
    ),
    "reshape": lambda a, b: squares(pb.gather(pb.reshape(a, (4, 1, 3)), [2, 0, 2])),
    "expand_dims, squeeze": lambda a, b: squares(pb.gather(pb.squeeze(pb.expand_dims(a, 1), 1), [2, 0, 2])),
    "transpose": lambda a, b: squares(
        pb.gather(pb.transpose(pb.reshape(a, (4, 1, 3)), (0, 2, 1)), [2, 0, 2])
    ),
    "cast": lambda a, b: squares(pb.cast(pb.gather(pb.cast(a, "f32"), [2, 0, 2]), "f64")),
    "all of them": lambda a, b: squares(
        pb.gather(
            pb.reshape(pb.concat([pb.reshape(a, (4, 1, 3)), pb.expand_dims(b, 1)], 0), (6, 3)), [5, 0, 1, 5]
        )
    ),
}


def differences(y: pb.Tensor, x: pb.Tensor, feeds: dict[pb.Tensor, Any]) -> np.ndarray:
    """Central differences, exact for squares."""
    total, found = pb.sum(y), np.zeros_like(feeds[x])
    for at in np.ndindex(found.shape):
        values = []
        for step in (0.5, -0.5):
            moved = feeds[x].copy()
            moved[at] += step
            values.append(pb.run(total, feeds | {x: moved}))
        found[at] = values[0] - values[1]
    return found


@TARGETS
@pytest.mark.parametrize("way", PASSED)
@pytest.mark.parametrize("rows", [4, None])
def test_rows_stay_rows(target: str, way: str, rows: int | None) -> None:
    a, b = pb.placeholder("f64", (4, 3), name="a"), pb.placeholder("f64", (rows and 2, 3), name="b")
    feeds = {a: TABLE, b: MORE}
    y = PASSED[way](a, b)
    found = pb.gradients(y, [a, b])
    for x, grad in zip((a, b), found, strict=True):
        if grad is None:
            continue
        assert isinstance(grad, pb.IndexedSlices)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an unknown shape
            dense = grad.as_tensor()
        np.testing.assert_allclose(pb.run(dense, feeds, target=target), differences(y, x, feeds), rtol=1e-6)


@TARGETS
def test_variables_and_second_order(target: str) -> None:
    a, b = pb.Variable(TABLE, name="a"), pb.Variable(MORE, name="b")
    rows = pb.gather(pb.concat([a, b], 0), [0, 5, 3, 5])
    first = pb.gradients(rows * rows * rows, [a, b])
    assert all(isinstance(g, pb.IndexedSlices) for g in first)
    second = pb.gradients([g.as_tensor() for g in first], [a, b])
    values = [g.as_tensor() for g in second]
    da, db = pb.run(values, target=target)
    np.testing.assert_allclose(da, 6 * TABLE * np.array([1, 0, 0, 1])[:, None])
    np.testing.assert_allclose(db, 6 * MORE * np.array([0, 2])[:, None])


def test_the_norm_of_rows_counts_each_once() -> None:
    a, b = pb.Variable(TABLE, name="a"), pb.Variable(MORE, name="b")
    rows = pb.gather(pb.concat([a, b], 0), [0, 4])
    found = pb.gradients(pb.sum(rows), [a, b])
    assert pb.run(pb.global_norm(found)) == pytest.approx(np.sqrt(6))


@TARGETS
def test_only_the_rows_of_an_optimizer_change(target: str) -> None:
    a, b = pb.Variable(TABLE, name="a"), pb.Variable(MORE, name="b")
    rows = pb.gather(pb.concat([a, b], 0), [0, 5])
    train = pb.train.MomentumOptimizer(0.5, 0.9).minimize(pb.sum(rows))
    pb.run(train, target=target)
    np.testing.assert_array_equal(a.numpy() - TABLE, [[-0.5] * 3, [0] * 3, [0] * 3, [0] * 3])
    np.testing.assert_array_equal(b.numpy() - MORE, [[0] * 3, [-0.5] * 3])


@pytest.mark.parametrize(
    "way",
    [
        lambda a: pb.gather(pb.reshape(a, (6, 2)), [1, 3]),
        lambda a: pb.gather(pb.expand_dims(a, 0), [0]),
        lambda a: pb.gather(pb.transpose(a), [1, 2]),
        lambda a: pb.gather_nd(a, [[1, 2], [0, 0]]),
        lambda a: pb.gather(pb.exp(a), [1]),
    ],
)
def test_what_breaks_rows_up_is_dense(way: Callable[[pb.Tensor], pb.Tensor]) -> None:
    a = pb.placeholder("f64", (4, 3), name="a")
    y = way(a)
    (found,) = pb.gradients(y * y, [a])
    assert isinstance(found, pb.Tensor)
    np.testing.assert_allclose(pb.run(found, {a: TABLE / 10}), differences_of(y * y, a), rtol=1e-4)


def differences_of(y: pb.Tensor, a: pb.Tensor) -> np.ndarray:
    total, found = pb.sum(y), np.zeros((4, 3))
    for at in np.ndindex(found.shape):
        step = np.zeros((4, 3))
        step[at] = 1e-5
        found[at] = (pb.run(total, {a: TABLE / 10 + step}) - pb.run(total, {a: TABLE / 10 - step})) / 2e-5
    return found


def test_a_dense_way_is_not_made_longer(graph: pb.Graph) -> None:
    a = pb.placeholder("f64", (4, 3), name="a")
    pb.gradients(pb.gather(pb.concat([pb.exp(a), pb.sin(a)], 0), [1, 5]), [a])
    assert str(graph).count("graph.densify") == 1


# ---- slices of one's own ----------------------------------------------------------------------------------


@TARGETS
def test_slices_made_of_those_of_a_gradient(target: str) -> None:
    w = pb.Variable(TABLE, name="w")
    (g,) = pb.gradients(pb.sum(pb.gather(w, [1, 3, 1])), [w])
    scaled = pb.IndexedSlices(0.5 * g.values, g.indices, g.dense_shape)
    assert scaled.shape == (4, 3)
    pb.run(w.assign_sub(scaled), target=target)
    np.testing.assert_array_equal(w.numpy() - TABLE, np.array([0, -1, 0, -0.5])[:, None] * np.ones(3))


@TARGETS
def test_slices_of_an_unknown_shape(target: str) -> None:
    x = pb.placeholder("f64", (None, 3), name="x")
    w = pb.Variable(TABLE, name="w")
    (g,) = pb.gradients(pb.sum(pb.gather(x, [1, 3, 1])), [x])
    scaled = pb.IndexedSlices(0.5 * g.values, g.indices, g.dense_shape)
    assert scaled.shape == (None, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dense = pb.run(scaled.as_tensor(), {x: TABLE}, target=target)
        weighted = pb.gradients(x * x, [x], grad_ys=[scaled])[0]
        again = pb.run(weighted, {x: TABLE}, target=target)
    expected = np.array([0, 1, 0, 0.5])[:, None] * np.ones(3)
    np.testing.assert_array_equal(dense, expected)
    np.testing.assert_array_equal(again, 2 * TABLE * expected)
    pb.run(w.assign_add(scaled), {x: TABLE}, target=target)
    np.testing.assert_array_equal(w.numpy() - TABLE, expected)


@pytest.mark.parametrize(
    "shape",
    [
        lambda: (4, 3),
        lambda: [4, 3],
        lambda: np.array([4, 3]),
        lambda: pb.constant([4, 3]),
        lambda: (pb.constant(4), 3),
        lambda: pb.shape(pb.constant(TABLE)),
        lambda: pb.constant([4, 3], "i64") + 0,
    ],
)
def test_every_kind_of_dense_shape(shape: Callable[[], Any]) -> None:
    w = pb.Variable(TABLE, name="w")
    rows = pb.IndexedSlices(np.ones((2, 3)), [0, 2], shape())
    pb.run(w.scatter_update(rows))
    np.testing.assert_array_equal(w.numpy()[[0, 2]], np.ones((2, 3)))
    clipped, _ = pb.clip_by_global_norm([rows], 1.0)
    assert pb.run(pb.global_norm(clipped)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("values", "indices", "shape", "message"),
    [
        (np.ones((2, 3)), [0, 2], None, "dense_shape: expected extents such as"),
        (np.ones((2, 3)), [0, 2], (None, 3), "dense_shape must be known"),
        (np.ones((2, 3)), [0, 2], (4, 2), "are no rows"),
        (np.ones((2, 3)), [0.0, 2.0], (4, 3), "indices must be integers of rank 1"),
        (np.ones((2, 3)), [[0, 2]], (4, 3), "indices must be integers of rank 1"),
        (np.ones((2, 3)), [0, 2, 1], (4, 3), "are no rows"),
        (np.ones((2, 3)), [0, 2], (4, 3.0), "expected whole numbers"),
        ("rows", [0, 2], (4, 3), "values: expected a tensor"),
    ],
)
def test_what_makes_no_slices(values: Any, indices: Any, shape: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pb.IndexedSlices(values, indices, shape)


@TARGETS
def test_slices_of_an_unknown_shape_for_variables_of_a_known_one(target: str) -> None:
    x, shape = pb.placeholder("f64", (None, 3), name="x"), pb.placeholder("i32", (2,), name="shape")
    w = pb.Variable(TABLE, name="w")
    (g,) = pb.gradients(pb.sum(pb.gather(x, [1, 3, 1])), [x])
    rows = pb.IndexedSlices(g.values, g.indices, shape)
    train = pb.train.GradientDescentOptimizer(0.5).apply_gradients([(rows, w)])
    pb.run([w.assign_sub(rows), train], {x: TABLE, shape: [4, 3]}, target=target)
    np.testing.assert_array_equal(w.numpy() - TABLE, np.array([0, -3, 0, -1.5])[:, None] * np.ones(3))


@TARGETS
def test_slices_from_outside_used_in_bodies(target: str) -> None:
    a, b = pb.Variable(TABLE, name="a"), pb.Variable(MORE, name="b")
    rows = pb.gather(pb.concat([a, b], 0), [1, 3, 1, 5])
    y = pb.sum(rows * rows) + pb.sum(pb.gather(a, [0]))
    da, db = pb.tuple(pb.gradients(y, [a, b]))
    assert isinstance(da, pb.IndexedSlices) and isinstance(db, pb.IndexedSlices)
    doubled = pb.IndexedSlices(2.0 * db.values, db.indices, db.dense_shape)

    def body(i: pb.Tensor) -> pb.Tensor:
        with pb.control_dependencies([a.assign_sub(da), b.scatter_update(doubled)]):
            return i + 1

    trips = pb.while_loop(lambda i: i < 2, body, 0)
    dense = pb.cond(trips > 1, lambda: pb.gradients(y, [a])[0].as_tensor(), lambda: da.as_tensor())
    values = pb.run([trips, dense], target=target)
    slope = 2 * TABLE * np.array([0, 2, 0, 1])[:, None] + np.array([1, 0, 0, 0])[:, None]
    np.testing.assert_array_equal(values[1], slope)
    np.testing.assert_array_equal(a.numpy(), TABLE - 2 * slope)
    np.testing.assert_array_equal(b.numpy(), [MORE[0], 4 * MORE[1]])


def test_parts_first_used_in_a_body_are_there_outside_too() -> None:
    w = pb.Variable(TABLE, name="w")
    (g,) = pb.tuple(pb.gradients(pb.sum(pb.gather(w, [1, 3, 1])), [w]))
    assert isinstance(g, pb.IndexedSlices)
    inside = pb.cond(pb.sum(w) > 0.0, lambda: pb.sum(g.values), lambda: pb.constant(0.0, "f64"))
    with pytest.raises(RuntimeError):
        pb.cond(pb.sum(w) > 0.0, lambda: g.indices, failing)
    outside = pb.IndexedSlices(g.values, g.indices, g.dense_shape).as_tensor()
    values = pb.run([inside, outside])
    assert values[0] == 9
    np.testing.assert_array_equal(values[1], np.array([0, 2, 0, 1])[:, None] * np.ones(3))


def failing() -> pb.Tensor:
    raise RuntimeError("no")
