"""Variables: reads, updates, and the order in which they happen."""

from __future__ import annotations

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


def test_values_that_do_not_fit(graph: pb.Graph) -> None:
    v = pb.Variable(np.zeros((2, 2), np.float32), name="v")
    for wrong in (pb.zeros((2,)), pb.zeros((2, 2), "f64"), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="variable 'v' holds tensor<2x2xf32>, the value is"):
            v.assign(wrong)
    with pytest.raises(ValueError, match=r"for variable 'v'.*got str"):
        v.assign_sub("one")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="not supported"):
        pb.Variable(np.zeros(2, np.uint64))


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
