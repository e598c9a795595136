"""`run` and `compile`: nests, feeds, signatures, and which part of a graph runs."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


def test_any_nest_comes_back_in_its_form(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    v = pb.Variable(5.0)
    fetches = {"a": [x, (x * 2.0,)], "b": v.assign_sub(x), "c": v, "d": []}
    assert pb.run(fetches, {x: 3.0}) == {"a": [3, (6,)], "b": None, "c": 2, "d": []}
    assert pb.run(x * x, {x: 3.0}) == 9
    step = pb.compile([x], (x, {"y": x + 1.0}), target="numpy")
    assert step(np.float32(1)) == (1, {"y": 2})


def test_only_what_is_asked_for_runs(graph: pb.Graph) -> None:
    x, y = pb.placeholder("f32", (), name="x"), pb.placeholder("f32", (), name="y")
    v = pb.Variable(0.0)
    v.assign_sub(1.0)
    z = x * 2.0
    with pb.control_dependencies([v.assign_sub(y)]):
        w = z + 1.0
    assert pb.run(z, {x: 1.0}) == 2
    assert v.numpy() == 0
    with pytest.raises(ValueError, match="needs placeholder 'y': name it among the inputs, or feed it"):
        pb.run(w, {x: 1.0})
    assert pb.run(w, {x: 1.0, y: 4.0}) == 3
    assert v.numpy() == -4


def test_feeds_may_name_any_tensor(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    a, b = pb.split(pb.tanh(x), 2)
    assert pb.run([a, b], {a: [7.0], x: [0.0, 0.0]}) == [[7], [0]]
    assert pb.run(a, {a: [7.0]}) == [7]
    step = pb.compile([a], a * 2.0, target="numpy")
    assert step([4.0]) == [8]


def test_slices_come_back_in_parts(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None, 2), name="x")
    (dx,) = pb.gradients(pb.gather(x, [1, 1]), x)
    found = pb.run(dx, {x: np.zeros((3, 2), np.float32)})
    np.testing.assert_array_equal(found.indices, [1, 1])
    assert found.dense_shape == (3, 2)


def test_results_share_memory_with_nothing(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    v = pb.Variable(np.ones(3, np.float32))
    data = np.arange(3, dtype=np.float32)
    fetched = pb.run([x, x, pb.transpose(x), pb.constant(data), v, pb.broadcast_to(x, (2, 3))], {x: data})
    for i, array in enumerate(fetched):
        assert array.flags.writeable
        assert not any(np.shares_memory(array, other) for other in [*fetched[:i], data, v.array])


def test_wrong_arrays(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None, 2), name="x")
    n = pb.placeholder("i32", (), name="n")
    step = pb.compile([x, n], [x, n], target="numpy")
    good = np.zeros((3, 2), np.float32)
    with pytest.raises(TypeError, match=r"takes 2 inputs \(x, n\), got 1"):
        step(good)
    with pytest.raises(TypeError, match=r"input 'x': expected dtype float32, got float64; pass array.astype"):
        step(good.astype(np.float64), 1)
    with pytest.raises(
        ValueError, match=r"input 'x': expected tensor<\?x2xf32>, got an array of shape \(3,\)"
    ):
        step(good[:, 0], 1)
    for wrong in (None, "1", object(), [[1], 2]):
        with pytest.raises(
            TypeError, match=r"input 'n': expected an array of dtype int32|input 'n': expected"
        ):
            step(good, wrong)
    assert step(np.asfortranarray(good), np.int32(7))[1] == 7


def test_wrong_inputs_and_outputs(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    invalid = [
        (([x, x], x), "'x' is among the inputs twice"),
        (([1.0], x), r"inputs\[0\]: expected a tensor, got float"),
        (([x], [x, None]), r"outputs\[1\] is None: gradients\(\) gives None"),
        (([x], {"a": 3}), r"outputs\['a'\]: expected a tensor, .* got int"),
        (([], x), "outputs is placeholder 'x'"),
    ]
    for (inputs, outputs), message in invalid:
        with pytest.raises(ValueError, match=message):
            pb.compile(inputs, outputs)  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        ValueError, match=r"target 'numpi' is not known: expected one of .*; did you mean 'numpy'"
    ):
        pb.compile([x], x, target="numpi")
    with pytest.raises(ValueError, match="feeds: expected tensors as keys, got str"):
        pb.run(x, {"x": 1.0})  # pyright: ignore[reportArgumentType]


def test_values_inside_a_loop_stay_there(graph: pb.Graph) -> None:
    inner: list[pb.Tensor] = []

    def body(i: pb.Tensor) -> pb.Tensor:
        inner.append(i * 2)
        return i + 1

    (n,) = pb.while_loop(lambda i: i < 3, body, [0])
    assert pb.run(n) == 3
    with pytest.raises(ValueError, match="is defined inside a loop: return it"):
        pb.run(inner[0])
    with pytest.raises(ValueError, match="is defined inside a loop and cannot be given"):
        pb.run(n, {inner[0]: 1})


def test_runs_are_kept_compiled(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = x + 1.0
    assert [pb.run(y, {x: 1.0}), pb.run(y, {x: 2.0}), pb.run([y], {x: 3.0})] == [2, 3, [4]]
    assert len(graph.steps) == 2
    for i in range(50):
        pb.run([y] * (i + 2), {x: 0.0})
    assert len(graph.steps) <= 32


def test_a_graph_may_grow_after_a_step(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    step = pb.compile([x], x * 2.0, target="numpy")
    other = pb.placeholder("f32", (), name="y") * x
    assert step(3.0) == 6
    assert pb.run(other, {other: 1.0}) == 1


def test_text_of_the_levels(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None,), name="x")
    (dx,) = pb.gradients(pb.tanh(x) * x, x)
    step = pb.compile([x], dx, target="numpy")
    assert "graph.sum_gradients" in step.ir("gradients")
    assert "graph.sum_gradients" not in step.ir("graph")
    with pytest.raises(ValueError, match="level 'grap' is not known"):
        step.ir("grap")
    with pytest.raises(ValueError, match="shapes are static: call the step once, or give shapes="):
        step.ir("kernels")
