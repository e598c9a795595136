"""Rules 69 to 71: indexed slices."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.passes.gradients import emitter

INDICES = np.array([2, 0, 2], np.int32)


def test_rule_69_a_gather_of_rows_has_slices_as_its_gradient(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x, INDICES), x)
    assert isinstance(dx, pb.IndexedSlices)
    assert (dx.shape, dx.dtype) == ((4, 2), "f32")
    values, indices, shape = pb.run([dx.values, dx.indices, dx.dense_shape])
    np.testing.assert_array_equal(values, np.ones((3, 2)))
    np.testing.assert_array_equal(indices, INDICES)
    np.testing.assert_array_equal(shape, [4, 2])


def test_rule_69_indices_of_any_rank_become_rows(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x, INDICES.reshape(1, 3)), x)
    assert dx.values.shape == (3, 2)
    assert dx.indices.shape == (3,)


def test_rule_69_slices_pass_through_identity_and_reads(graph: pb.Graph) -> None:
    v = pb.Variable(np.zeros((4, 2), np.float32))
    (dv,) = pb.gradients(pb.gather(pb.identity(v), INDICES), v)
    assert isinstance(dv, pb.IndexedSlices)


def test_rule_69_slices_pass_what_moves_whole_rows(graph: pb.Graph) -> None:
    v, w = pb.Variable(np.zeros((4, 2), np.float32)), pb.Variable(np.zeros((3, 2), np.float32))
    both = pb.concat([pb.reshape(v, (4, 2, 1)), pb.cast(pb.expand_dims(w, 2), "f32")], 0)
    dv, dw = pb.gradients(pb.gather(pb.transpose(both, (0, 2, 1)), [1, 5, 1]), [v, w])
    assert isinstance(dv, pb.IndexedSlices) and isinstance(dw, pb.IndexedSlices)
    found_v, found_w = pb.run([dv, dw])
    np.testing.assert_array_equal(found_v.indices, [1, -1, 1])
    np.testing.assert_array_equal(found_v.dense(), [[0, 0], [2, 2], [0, 0], [0, 0]])
    np.testing.assert_array_equal(found_w.dense(), [[0, 0], [1, 1], [0, 0]])


def test_rule_69_rows_read_from_a_variable(graph: pb.Graph) -> None:
    """The variable is not read as a whole, neither for the rows nor for their gradient."""
    v = pb.Variable(np.zeros((5, 2), np.float32))
    x = pb.placeholder("f32", (1, 3, 2), name="x")
    (dv,) = pb.gradients(v.sparse_read(np.array([[1, 4, 7]], np.int32)) * x, v)
    assert isinstance(dv, pb.IndexedSlices)
    assert "graph.read " not in str(graph)
    slices = pb.run(dv, {x: np.arange(6, dtype=np.float32).reshape(1, 3, 2)})
    np.testing.assert_array_equal(slices.indices, [1, 4, 7])
    np.testing.assert_array_equal(slices.dense(), [[0, 0], [0, 1], [0, 0], [0, 0], [2, 3]])


def test_rule_69_any_other_operation_makes_them_dense(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x * 3.0, INDICES), x)
    assert isinstance(dx, pb.Tensor)
    np.testing.assert_array_equal(pb.run(dx), [[3, 3], [0, 0], [6, 6], [0, 0]])


def test_rule_69_gather_along_another_axis(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2, 4), name="x")
    y = pb.gather(x, INDICES, axis=1)
    (dx,) = pb.gradients(y, x)
    data = np.arange(8, dtype=np.float32).reshape(2, 4)
    found, gradient = pb.run([y, dx], {x: data})
    np.testing.assert_array_equal(found, data[:, INDICES])
    np.testing.assert_array_equal(gradient, [[1, 0, 2, 0]] * 2)


def test_rule_70_making_large_slices_dense_warns(graph: pb.Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitter, "LARGE", 8)
    x = pb.placeholder("f32", (4, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x, INDICES), x)
    with pytest.warns(UserWarning, match="with 8 elements. This may consume a large amount of memory"):
        pb.negative(dx)
    unknown = pb.placeholder("f32", (None, 2), name="u")
    (du,) = pb.gradients(pb.gather(unknown, INDICES), unknown)
    with pytest.warns(UserWarning, match="of unknown shape"):
        dense = du * 1.0
    np.testing.assert_array_equal(
        pb.run(dense, {unknown: np.zeros((3, 2), np.float32)}), [[1, 1], [0, 0], [2, 2]]
    )


def test_rule_70_small_slices_do_not_warn(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x, INDICES), x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pb.negative(dx)


def test_rule_70_slices_need_a_dense_shape(graph: pb.Graph) -> None:
    with pytest.raises(ValueError, match="dense_shape must be known"):
        pb.IndexedSlices(pb.ones((1, 2)), pb.constant([0]), (None, 2))
    with pytest.raises(ValueError, match="are no rows"):
        pb.IndexedSlices(pb.ones((1, 3)), pb.constant([0]), (4, 2))
    with pytest.raises(ValueError, match="indices must be integers of rank 1"):
        pb.IndexedSlices(pb.ones((1, 2)), pb.constant([0.0]), (4, 2))


def test_rule_71_slices_as_grad_ys(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    y = x * x
    grad = pb.IndexedSlices(pb.constant([[1.0, 10.0]]), pb.constant([2]), (4, 2))
    (dx,) = pb.gradients(y, x, [grad])
    np.testing.assert_array_equal(
        pb.run(dx, {x: np.full((4, 2), 3, np.float32)}), [[0, 0], [0, 0], [6, 60], [0, 0]]
    )


def test_rule_71_second_order_through_the_values(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    rows = pb.gather(x, INDICES)
    (dx,) = pb.gradients(rows * rows * rows, x)
    by_values = pb.gradients(dx.values, x)[0]
    by_slices = pb.gradients(dx, x)[0]
    data = np.arange(8, dtype=np.float32).reshape(4, 2)
    expected = np.zeros((4, 2), np.float32)
    np.add.at(expected, INDICES, 6 * data[INDICES])
    for found in pb.run([by_values, by_slices], {x: data}):
        np.testing.assert_array_equal(found.dense(), expected)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rule_71_slices_as_ys_with_slices_as_their_seed(graph: pb.Graph, target: str) -> None:
    """Slices are linear in their rows: the seed of slices is the rows of the seed, its indices say nothing."""
    x = pb.placeholder("f64", (4, 2), name="x")
    rows = pb.gather(x, INDICES)
    (dx,) = pb.gradients(rows * rows * rows, x)
    weights = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    seed = pb.IndexedSlices(pb.constant(weights), pb.constant(INDICES), (4, 2))
    by_slices, by_rows = pb.gradients([dx], [x], [seed])[0], pb.gradients([dx.values], [x], [weights])[0]
    data = np.arange(8.0).reshape(4, 2)
    expected = np.zeros((4, 2))
    np.add.at(expected, INDICES, 6 * data[INDICES] * weights)
    for found in pb.run([by_slices, by_rows], {x: data}, target=target):
        np.testing.assert_allclose(found.dense(), expected)


def test_rule_71_seeds_of_slices_have_the_rows_of_their_y(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x * x, INDICES), x * x)
    (slices,) = pb.gradients(pb.gather(x, INDICES), x)
    two = pb.IndexedSlices(pb.ones((2, 2)), pb.constant([0, 1]), (4, 2))
    assert dx is None
    for wrong in (np.ones((4, 2), np.float32), two):
        with pytest.raises(ValueError, match=r"grad_ys\[0\] has type .* expected the shape of .*3x2xf32"):
            pb.gradients(slices, x, [wrong])
