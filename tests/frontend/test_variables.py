"""Variables: reads, updates, and the order in which they happen."""

from __future__ import annotations

import timeit

import numpy as np
import pytest

import pullback as pb


def test_a_variable_owns_its_array(graph: pb.Graph) -> None:
    data = np.ones((2, 3))
    v = pb.Variable(data, name="v")
    data[:] = 7
    assert (v.shape, v.dtype, v.ndim, v.name) == ((2, 3), "f64", 2, "v")
    np.testing.assert_array_equal(v.numpy(), np.ones((2, 3)))
    v.numpy()[:] = 5
    np.testing.assert_array_equal(pb.run(v), np.ones((2, 3)))
    assert [pb.Variable(d).dtype for d in (1.0, 2, True)] == ["f32", "i32", "i1"]
    assert pb.Variable([1, 2], dtype="f64").dtype == "f64"


def test_updates_happen_in_the_order_in_which_they_were_made(graph: pb.Graph) -> None:
    v = pb.Variable(1.0, name="v")
    before = v * 1.0
    double = v.assign(v * 2.0)
    between = v * 1.0
    less = v.assign_sub(0.5)
    after = v * 1.0
    assert pb.run([after, before, less, between, double, v]) == [1.5, 1, None, 2, None, 1.5]
    assert pb.run(after) == 1.5
    assert pb.run([less, v]) == [None, 1.0]


def test_a_read_keeps_what_it_saw(graph: pb.Graph) -> None:
    v = pb.Variable([1.0, 2.0])
    old = v.read()
    update = v.assign(pb.zeros((2,)))
    found, _ = pb.run([old, update])
    np.testing.assert_array_equal(found, [1, 2])
    np.testing.assert_array_equal(v.numpy(), [0, 0])


def test_a_constant_fills_a_variable(graph: pb.Graph) -> None:
    v = pb.Variable(np.zeros((2, 2), np.float32))
    pb.run(v.assign(3))
    np.testing.assert_array_equal(v.numpy(), np.full((2, 2), 3))


def test_slices_touch_their_rows_alone(graph: pb.Graph) -> None:
    v = pb.Variable(np.zeros((4, 2), np.float32))
    rows = pb.IndexedSlices(pb.constant([[1.0, 2.0], [10.0, 20.0]]), pb.constant([2, 2]), (4, 2))
    pb.run(v.assign_sub(rows))
    np.testing.assert_array_equal(v.numpy(), [[0, 0], [0, 0], [-11, -22], [0, 0]])
    pb.run(v.assign(rows))
    np.testing.assert_array_equal(v.numpy(), [[0, 0], [0, 0], [11, 22], [0, 0]])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rows_are_read_added_and_replaced(graph: pb.Graph, target: str) -> None:
    """Indices out of range name nothing; of two rows at one index the last one stays."""
    v = pb.Variable(np.arange(8, dtype=np.float32).reshape(4, 2))
    indices = pb.constant([2, -1, 0, 2, 9])
    rows = v.sparse_read(indices)
    numbers = np.arange(10, dtype=np.float32).reshape(5, 2)
    slices = pb.IndexedSlices(pb.constant(numbers), indices, (4, 2))
    replaced, after = v.scatter_update(slices), v.sparse_read([0, 2])
    found, now, _ = pb.run([rows, after, replaced], target=target)
    np.testing.assert_array_equal(found, [[4, 5], [0, 0], [0, 1], [4, 5], [0, 0]])
    np.testing.assert_array_equal(now, [[4, 5], [6, 7]])
    np.testing.assert_array_equal(v.numpy(), [[4, 5], [2, 3], [6, 7], [6, 7]])
    pb.run([v.assign_add(slices), v.assign_add(1.0)], target=target)
    np.testing.assert_array_equal(v.numpy(), [[9, 11], [3, 4], [13, 16], [7, 8]])


def test_gathered_rows_of_a_variable_are_read_alone(graph: pb.Graph) -> None:
    v = pb.Variable(np.arange(8, dtype=np.float32).reshape(4, 2))
    rows = pb.gather(v, [3, 1], name="rows")
    assert (rows.op.name, rows.name) == ("graph.read_rows", "rows")
    np.testing.assert_array_equal(pb.run(rows), [[6, 7], [2, 3]])
    np.testing.assert_array_equal(pb.run(pb.gather(v, [1], axis=-1)), [[1], [3], [5], [7]])
    with pytest.raises(ValueError, match="axis 2"):
        pb.gather(v, [1], axis=2)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rows_cost_what_rows_cost(target: str) -> None:
    """An update of a few rows takes no longer in a table that is a thousand times as long."""

    def seconds(length: int) -> float:
        with pb.Graph():
            table = pb.Variable(np.zeros((length, 8), np.float32))
            rows = pb.gather(table, np.array([0, 7, 99], np.int32))
            (d,) = pb.gradients(pb.sum(rows * 3.0), table)
            updates = [table.scatter_update(d), table.assign_sub(d), table.assign_add(d)]
            step = pb.compile([], [rows, *updates], target=target)
        step()
        return min(timeit.repeat(step, number=1, repeat=20))

    assert seconds(1_000_000) < 5 * seconds(1_000)


def test_trainable_variables(graph: pb.Graph) -> None:
    a, b = pb.Variable(1.0, name="a"), pb.Variable(2.0, name="b", trainable=False)
    assert pb.global_variables() == [a, b]
    assert pb.trainable_variables() == [a]
    with pb.Graph():
        assert pb.global_variables() == []
        assert pb.global_variables(graph) == [a, b]


def test_values_that_do_not_fit(graph: pb.Graph) -> None:
    v = pb.Variable(np.zeros((2, 2), np.float32), name="v")
    for wrong in (pb.zeros((2,)), pb.zeros((2, 2), "f64"), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="variable 'v' holds tensor<2x2xf32>, the value is"):
            v.assign(wrong)
    with pytest.raises(ValueError, match=r"for variable 'v'.*got str"):
        v.assign_sub("one")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="not supported"):
        pb.Variable(np.zeros(2, np.uint64))
    with pytest.raises(ValueError, match="variable 'v': expected IndexedSlices, got Tensor"):
        v.scatter_update(pb.zeros((2, 2)))  # pyright: ignore[reportArgumentType]
    slices = pb.IndexedSlices(pb.zeros((1, 2)), pb.constant([0]), (3, 2))
    with pytest.raises(ValueError, match="the variable holds tensor<2x2xf32>"):
        v.scatter_update(slices)


def test_variables_made_inside_a_loop_stand_before_it(graph: pb.Graph) -> None:
    def body(i: pb.Tensor, a: pb.Tensor) -> list[pb.Tensor]:
        v = pb.Variable(2.0, name="inner")
        return [i + 1, a * v]

    _, y = pb.while_loop(lambda i, _: i < 3, body, [0, 1.0])
    assert pb.run(y) == 8


def test_a_loop_that_fails_takes_its_variables_back(graph: pb.Graph) -> None:
    def body(i: pb.Tensor) -> pb.Tensor:
        pb.Variable(2.0, name="v")
        raise ZeroDivisionError

    def around(j: pb.Tensor) -> pb.Tensor:
        with pytest.raises(ZeroDivisionError):
            pb.while_loop(lambda i: i < 3, body, [0])
        return j + 1

    before = str(graph)
    with pytest.raises(ZeroDivisionError):
        pb.while_loop(lambda i: i < 3, body, [0])
    assert str(graph) == before
    pb.while_loop(lambda j: j < 3, around, [0])
    assert "graph.variable" not in str(graph)
    assert pb.Variable(3.0, name="v").name == "v"
    assert list(graph.variables) == ["v"]


def test_group_runs_all_of_them(graph: pb.Graph) -> None:
    a, b = pb.Variable(1.0), pb.Variable(2.0)
    both = pb.group(a.assign_sub(1.0), b.assign_sub(1.0), pb.constant(3.0), name="both")
    assert (both.name, pb.run(both)) == ("both", None)
    assert (a.numpy(), b.numpy()) == (0, 1)
    with pytest.raises(ValueError, match=r"group\[0\]: expected a tensor or an operation, got int"):
        pb.group(3)  # pyright: ignore[reportArgumentType]
