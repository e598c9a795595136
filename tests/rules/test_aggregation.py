"""Rules 60 to 67: how the terms of one gradient are summed."""

from __future__ import annotations

from collections import Counter

import ml_dtypes
import numpy as np
import pytest
from xdsl.utils.exceptions import VerifyException

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse

METHODS = ["add_n", "tree", "accumulate_n", "balanced"]
FIVE_TERMS = {
    "add_n": Counter({"graph.add_n": 1}),
    "tree": Counter({"graph.add": 4}),
    "accumulate_n": Counter({"graph.add": 1, "graph.accumulate": 3}),
    "balanced": Counter({"graph.add": 4}),
}


def sums_in(text: str) -> Counter[str]:
    kinds = ("graph.add_n", "graph.add", "graph.accumulate", "graph.sum_gradients", "graph.concat_slices")
    words = text.replace("\n", " ").split(" ")
    return Counter({kind: words.count(kind) for kind in kinds if kind in words})


def fan_in(x: pb.Tensor, terms: int) -> tuple[list[pb.Tensor], list[pb.Tensor]]:
    """Values that use `x` once each, and the tensors that are their gradients: one term each."""
    slopes = [pb.placeholder("f32", x.shape, name="slope") for _ in range(terms)]
    return [x * slope for slope in slopes], slopes


def test_rule_60_no_term_one_term_many_terms(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    seed = pb.constant(np.array([5, 6], np.float32))
    assert pb.gradients(pb.zeros((2,)), x) == [None]
    assert pb.gradients(pb.identity(x), x, [seed])[0].value is seed.value
    (dx,) = pb.gradients(fan_in(x, 3)[0], x)
    assert dx.op.name == "graph.sum_gradients"
    assert len(dx.op.operands) == 3


def test_rule_60_terms_stand_in_the_order_of_arrival(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    near, far = x * 2.0, pb.negative(x) * 3.0
    (dx,) = pb.gradients([far, near], x)
    first, second = dx.op.operands
    assert pb.run([pb.Tensor(first), pb.Tensor(second)]) == [2, -3]


@pytest.mark.parametrize("method", METHODS)
def test_rules_61_62_63_what_each_method_makes_of_five_terms(graph: pb.Graph, method: str) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    ys, slopes = fan_in(x, 5)
    (dx,) = pb.gradients(ys, x, aggregation_method=method)
    step = pb.compile(slopes, dx, target="numpy")
    assert sums_in(step.ir("gradients")) == {"graph.sum_gradients": 1}
    assert sums_in(step.ir("graph")) == FIVE_TERMS[method]
    np.testing.assert_array_equal(step(*np.eye(5, 2, dtype=np.float32)), [1, 1])


@pytest.mark.parametrize("method", METHODS)
def test_rule_63_every_method_can_be_differentiated(graph: pb.Graph, method: str) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = x * x * x * x
    (dx,) = pb.gradients(y, x, aggregation_method=method)
    (dxx,) = pb.gradients(dx, x, aggregation_method=method)
    assert pb.run([dx, dxx], {x: 2.0}) == [32, 48]


def test_rule_61_names_of_the_methods() -> None:
    method = pb.AggregationMethod
    assert method.DEFAULT is method.ADD_N
    assert method.EXPERIMENTAL_TREE is method.TREE
    assert method.EXPERIMENTAL_ACCUMULATE_N is method.ACCUMULATE_N


def test_rule_61_each_device_sums_its_own_first(graph: pb.Graph) -> None:
    x, *factors = (pb.placeholder("f32", (2,), name="x") for _ in range(7))
    ys: list[pb.Tensor] = []
    for name, factor in zip(["gpu:0", "gpu:1"] * 3, factors, strict=True):
        with pb.device(name):
            ys.append(pb.tanh(x * factor))
    (dx,) = pb.gradients(ys, x, colocate_gradients_with_ops=True)
    text = pb.compile([x, *factors], dx, target="numpy").ir("graph")
    sums = [line.partition(" : ")[0] for line in text.splitlines() if "graph.add_n" in line]
    assert [line.count("%") - 1 for line in sums] == [3, 3]
    assert ["gpu:0" in sums[0], "gpu:1" in sums[1]] == [True, True]
    assert sums_in(text)["graph.add"] == 1


def test_rule_61_without_colocation_the_sum_has_no_device(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with pb.device("gpu:0"):
        ys, slopes = fan_in(x, 3)
    (dx,) = pb.gradients(ys, x)
    text = pb.compile(slopes, dx, target="numpy").ir("graph")
    assert "graph.add_n" in text
    assert "device" not in text


def test_rule_62_a_balanced_tree_rounds_better_than_a_left_fold(graph: pb.Graph) -> None:
    """2^24 + 1 is 2^24 in f32: the left fold loses every later one, the balanced tree none of a pair."""
    x = pb.placeholder("f32", (), name="x")
    terms = [np.float32(2**24), *[np.float32(1)] * 7]
    y = pb.concat([pb.expand_dims(x * float(t), 0) for t in terms])
    exact = 2**24 + 7
    found = {
        method: abs(float(pb.run(pb.gradients(y, x, aggregation_method=method)[0])) - exact)
        for method in ("tree", "balanced")
    }
    assert found["balanced"] < found["tree"] == 7


@pytest.mark.parametrize("method", [7, True, "ADD_N", "fast", 0.5])
def test_rule_64_other_methods_are_refused_at_the_call(graph: pb.Graph, method: object) -> None:
    x = pb.placeholder("f32", (), name="x")
    with pytest.raises(ValueError, match=r"aggregation_method: invalid value .* expected one of"):
        pb.gradients(1.0, x, aggregation_method=method)  # pyright: ignore[reportArgumentType]


def test_rule_65_terms_are_of_one_shape_as_far_as_any_of_them_knows_it(graph: pb.Graph) -> None:
    """One term knows the first extent, the other the second: so does their sum."""
    x = pb.placeholder("f32", (None, None), name="x")
    rows, columns = pb.placeholder("f32", (2, None), name="a"), pb.placeholder("f32", (None, 3), name="b")
    (dx,) = pb.gradients([pb.identity(x), pb.identity(x)], x, [rows, columns])
    assert dx.shape == (2, 3)
    a, b = np.ones((2, 3), np.float32), np.full((2, 3), 5, np.float32)
    np.testing.assert_array_equal(pb.run(dx, {rows: a, columns: b}), a + b)


@pytest.mark.parametrize(
    ("term", "types"),
    [
        ("tensor<3xf32>", "tensor<2xf32> and tensor<3xf32>"),
        ("tensor<2xf64>", "tensor<2xf32> and tensor<2xf64>"),
    ],
)
def test_rule_65_terms_of_other_dtypes_or_shapes_make_no_sum(term: str, types: str) -> None:
    """Rules 52 and 53 keep them out of requests; in text the operation refuses them."""
    text = f"""func.func @main(%a: tensor<2xf32>, %b: {term}) -> tensor<2xf32> {{
      %s = graph.sum_gradients %a, %b : (tensor<2xf32>, {term}) -> tensor<2xf32>
      func.return %s : tensor<2xf32>
    }}"""
    with pytest.raises(VerifyException, match=f"sum_c2: terms of different types: {types}"):
        parse(context(), text).module.verify()


@pytest.mark.parametrize("method", METHODS)
def test_rule_66_slices_are_put_one_after_another(graph: pb.Graph, method: str) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    y = pb.sum(pb.gather(x, np.array([3, 1], np.int32))) + pb.sum(pb.gather(x, np.array([1], np.int32)) * 5.0)
    (dx,) = pb.gradients(y, x, aggregation_method=method)
    assert isinstance(dx, pb.IndexedSlices)
    step = pb.compile([x], dx, target="numpy")
    assert step.ir("graph").count("graph.concat_slices") <= 1
    found = step(np.zeros((4, 2), np.float32))
    rows = sorted((int(i), v[0]) for i, v in zip(found.indices, found.values, strict=True))
    assert rows == [(1, 1), (1, 5), (3, 1)]
    assert found.dense_shape == (4, 2)


def test_rule_66_indices_of_two_dtypes(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    y = pb.sum(pb.gather(x, np.array([3], np.int32))) + pb.sum(pb.gather(x, np.array([1], np.int64)))
    (dx,) = pb.gradients(y, x)
    found = pb.run(dx)
    assert found.indices.dtype == np.int64
    assert sorted(found.indices) == [1, 3]


def test_rule_66_slices_of_slices(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    rows = pb.gather(x, np.array([3, 1, 0], np.int32))
    y = pb.gather(rows, np.array([0, 2], np.int32))
    (dx,) = pb.gradients(y, x)
    np.testing.assert_array_equal(
        pb.run(dx + 0.0, {x: np.zeros((4, 2), np.float32)}), [[1, 1], [0, 0], [0, 0], [1, 1]]
    )


@pytest.mark.parametrize("method", METHODS)
def test_rule_67_dense_and_slices_make_dense(graph: pb.Graph, method: str) -> None:
    x = pb.placeholder("f32", (3, 1), name="x")
    y = pb.sum(pb.gather(x, np.array([2, 2], np.int32))) + pb.sum(x * 10.0)
    (dx,) = pb.gradients(y, x, aggregation_method=method)
    assert isinstance(dx, pb.Tensor)
    np.testing.assert_array_equal(pb.run(dx, {x: np.zeros((3, 1), np.float32)}), [[10], [10], [12]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rule_67_many_terms_of_both_kinds_to_second_order(graph: pb.Graph, method: str, target: str) -> None:
    """Terms arrive mixed, their indices in two dtypes, with repetitions and one out of range."""
    x = pb.placeholder("f64", (4, 2), name="x")
    places = [np.array([3, 1, 3], np.int32), np.array([0, 7], np.int64), np.array([1], np.int32)]
    rows = [pb.gather(x, at) for at in places]
    ys = [rows[0] * rows[0] * rows[0], x * x * x, rows[1] * 2.0, pb.tanh(x), rows[2] * rows[2] * rows[2]]
    (dx,) = pb.gradients(ys, x, aggregation_method=method)
    assert isinstance(dx, pb.Tensor)
    (ddx,) = pb.gradients(dx, x, aggregation_method=method)
    data = np.linspace(-1, 1, 8).reshape(4, 2)
    count = np.array([0, 2, 0, 2])[:, None]
    twos = np.array([2.0, 0, 0, 0])[:, None]
    slope = 1 - np.tanh(data) ** 2
    first, second = pb.run([dx, pb.zeros((4, 2), "f64") + ddx], {x: data}, target=target)
    np.testing.assert_allclose(first, 3 * (1 + count) * data**2 + twos + slope)
    np.testing.assert_allclose(second, 6 * (1 + count) * data - 2 * np.tanh(data) * slope)


@pytest.mark.parametrize(("method", "found"), [("add_n", 600), ("tree", 256), ("accumulate_n", 256)])
def test_rule_94_one_operation_rounds_once(graph: pb.Graph, method: str, found: int) -> None:
    """The sum of 600 ones: bf16 counts to 256 one by one."""
    x = pb.placeholder("bf16", (), name="x")
    slopes = [pb.placeholder("bf16", (), name="slope") for _ in range(600)]
    uses = [x * slope for slope in slopes]
    (dx,) = pb.gradients(uses, [x], aggregation_method=method)
    assert float(pb.run(dx, dict.fromkeys(slopes, 1.0))) == found


def test_rule_94_updates_and_loops_round_each_time(graph: pb.Graph) -> None:
    zero, ones = np.zeros((), ml_dtypes.bfloat16), np.ones((), ml_dtypes.bfloat16)
    counter = pb.Variable(zero)
    step = pb.compile([], [counter.assign_add(ones)], target="numpy")
    for _ in range(300):
        step()
    assert float(counter.numpy()) == 256
    _, total = pb.while_loop(
        lambda i, s: i < 300,
        lambda i, s: (i + 1, s + pb.constant(ones)),
        [pb.constant(0), pb.constant(zero)],
    )
    assert float(pb.run(total)) == 256
    assert float(pb.run(pb.sum(pb.constant(np.ones(300, ml_dtypes.bfloat16))))) == 300
