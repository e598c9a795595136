"""Rules 29 to 46: which values gradients reach, in what order, and where they end."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.tensor.location import name_of


def scalar(name: str = "x") -> pb.Tensor:
    return pb.placeholder("f32", (), name=name)


def through_integers(x: pb.Tensor) -> pb.Tensor:
    return pb.cast(pb.cast(x, "i32"), "f32")


def test_rule_29_integers_end_a_path(graph: pb.Graph) -> None:
    x = scalar()
    assert pb.gradients(through_integers(x), x) == [None]


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64", "complex<f32>", "complex<f64>"])
def test_rule_29_every_floating_point_and_complex_dtype_carries_a_gradient(
    graph: pb.Graph, dtype: str
) -> None:
    x = pb.placeholder(dtype, (2,), name="x")
    (dx,) = pb.gradients(x * x, x, [pb.ones_like(x)])
    assert dx.dtype == dtype
    (fed,) = pb.run([dx], {x: [1.0, -2.0]})
    np.testing.assert_array_equal(np.asarray(fed, np.complex128), [2, -4])


@pytest.mark.parametrize("dtype", ["i8", "i16", "i32", "i64", "ui8", "i1"])
def test_rule_29_no_other_does(graph: pb.Graph, dtype: str) -> None:
    x = scalar()
    assert pb.gradients(pb.cast(pb.cast(x, dtype), "f32"), x) == [None]


def test_rule_30_only_what_lies_between_is_differentiated(graph: pb.Graph) -> None:
    """An operation without a gradient beside the path does no harm; x * x delivers twice."""
    x = scalar()
    with graph.gradient_override_map({"tanh": "nobody registers this"}):
        beside = pb.tanh(x)
    y = x * x
    (dx,) = pb.gradients(y, x)
    assert pb.run([dx, beside], {x: 3.0})[0] == 6


def test_rule_31_a_chain_of_3000_and_a_diamond_of_2_to_the_20_paths(graph: pb.Graph) -> None:
    x = scalar()
    chain = x
    for _ in range(3000):
        chain = pb.negative(chain)
    assert pb.run(pb.gradients(chain, x)[0]) == 1
    diamond = x
    for _ in range(20):
        diamond = diamond + diamond
    before = len(graph.operations)
    (dx,) = pb.gradients(diamond, x)
    assert len(graph.operations) - before <= 45
    assert pb.run(dx) == 2**20


def test_rule_31_the_order_is_breadth_first_and_the_same_each_time(graph: pb.Graph) -> None:
    x = scalar()
    y = pb.exp(pb.tanh(x, name="a"), name="b") + pb.exp(pb.tanh(x, name="c"), name="d")

    def order() -> list[str]:
        before = set(graph.operations)
        pb.gradients(y, x, name="g")
        names = [name_of(op) for op in graph.operations if op not in before]
        return list(dict.fromkeys(n.split("/")[1] for n in names if n.split("/")[1].endswith("_grad")))

    first = order()
    assert first == ["add_grad", "b_grad", "d_grad", "a_grad", "c_grad"]
    assert order() == first


def test_rule_32_a_y_that_feeds_another_y(graph: pb.Graph) -> None:
    x = scalar()
    y1 = x * x
    y2 = y1 * y1
    y3 = y2 * y2
    (dx,) = pb.gradients([y1, y3], x)
    assert pb.run(dx, {x: 3.0}) == 2 * 3 + 8 * 3**7


def test_rule_33_a_stop_concerns_one_value_not_its_operation(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    a, b = pb.split(x, 2)
    y = a * 2.0 + b * 3.0
    (dx,) = pb.gradients(y, x, stop_gradients=[a])
    np.testing.assert_array_equal(pb.run(dx), [0, 3])


def test_rule_34_total_derivatives(graph: pb.Graph) -> None:
    a = scalar("a")
    b = a * 2.0
    assert pb.run(pb.gradients(a + b, [a, b])) == [3, 1]


def test_rule_34_the_producer_of_an_x_needs_no_gradient(graph: pb.Graph) -> None:
    x = scalar()
    with graph.gradient_override_map({"tanh": "nobody registers this"}):
        t = pb.tanh(x)
    assert pb.run(pb.gradients(t * t, t)[0], {t: 3.0}) == 6
    stopped, other = pb.gradients(t * x, [t, x], stop_gradients=[t])
    assert pb.run([stopped, other], {x: 2.0, t: 3.0}) == [2, 3]


def test_rule_35_stops_make_partial_derivatives(graph: pb.Graph) -> None:
    a = scalar("a")
    b = a * 2.0
    assert pb.run(pb.gradients(a + b, [a, b], stop_gradients=[a, b])) == [1, 1]
    y = a * a
    assert pb.run(pb.gradients(y, [y], stop_gradients=[y])) == [1]
    assert pb.gradients(y, a, stop_gradients=[y]) == [None]
    unrelated = scalar("u")
    assert pb.run(pb.gradients(y, a, stop_gradients=[unrelated])[0], {a: 3.0}) == 6


def four_values(x: pb.Tensor, cut: int) -> list[pb.Tensor]:
    """A graph of four values, each of which goes through `stop_gradient` if its bit is set in `cut`."""
    values: list[pb.Tensor] = []
    makers = [
        lambda: x * 2.0,
        lambda: values[0] * values[0],
        lambda: values[0] + values[1] * 3.0,
        lambda: values[1] * values[2],
    ]
    for i, make in enumerate(makers):
        made = make()
        values.append(pb.stop_gradient(made) if cut >> i & 1 else made)
    return values


@pytest.mark.parametrize("stopped", range(16))
def test_rule_35_a_stop_is_stop_gradient_put_in_its_place(graph: pb.Graph, stopped: int) -> None:
    """For every subset of stops and every subset of xs, as TensorFlow's own test has it."""
    x = scalar()
    plain, cut = four_values(x, 0), four_values(x, stopped)
    stops = [value for i, value in enumerate(plain) if stopped >> i & 1]
    for asked in range(1, 16):
        chosen = [i for i in range(4) if asked >> i & 1]
        found = pb.gradients(plain[3], [plain[i] for i in chosen], stop_gradients=stops)
        expected = pb.gradients(cut[3], [cut[i] for i in chosen])
        assert [f is None for f in found] == [e is None for e in expected]
        pairs = [(f, e) for f, e in zip(found, expected, strict=True) if f is not None]
        assert all(f == e for f, e in pb.run(pairs, {x: 1.5}))


def test_rule_36_an_x_that_is_a_y_gets_the_seed(graph: pb.Graph) -> None:
    x = scalar()
    seed = pb.constant(5.0)
    assert pb.gradients(x, x, [seed])[0].value is seed.value
    y = x * x
    (dy,) = pb.gradients([y, y * 3.0], y)
    assert pb.run(dy) == 4


def test_rule_37_duplicates(graph: pb.Graph) -> None:
    x = scalar()
    y = x * x
    one, two = pb.gradients(y, [x, x])
    assert one.value is two.value
    assert pb.run(pb.gradients([y, y], x)[0], {x: 3.0}) == 12
    assert pb.run(pb.gradients([y, y], x, [10.0, 1.0])[0], {x: 3.0}) == 66


def test_rule_38_ys_of_different_dtypes(graph: pb.Graph) -> None:
    x = scalar()
    (dx,) = pb.gradients([x * 2.0, pb.cast(x, "f64") * 3.0], x)
    assert dx.dtype == "f32"
    assert pb.run(dx) == 5


def test_rule_39_an_identity_copies_nothing(graph: pb.Graph) -> None:
    x, z = scalar("x"), scalar("z")
    seed = pb.constant(5.0)
    assert pb.gradients(pb.identity(x), x, [seed])[0].value is seed.value
    dx, dz = pb.run(pb.gradients(x + z, [x, z], [seed]))
    assert dx == dz == 5


@pytest.mark.parametrize(
    "cut",
    [
        pb.stop_gradient,
        pb.zeros_like,
        lambda x: pb.cast(x > 0.0, "f32"),
        lambda x: pb.cast(pb.shape_of(pb.expand_dims(x, 0)), "f32"),
        lambda x: pb.cast(pb.size(x), "f32"),
        through_integers,
        lambda x: pb.gather(np.eye(3, dtype=np.float32), pb.cast(x, "i32")),
        lambda x: pb.where(x > 0.0, 1.0, pb.constant(2.0)),
    ],
    ids=["stop_gradient", "zeros_like", "greater", "shape_of", "size", "integers", "index", "condition"],
)
def test_rule_40_none_where_no_gradient_passes(graph: pb.Graph, cut: object) -> None:
    x = scalar()
    assert pb.gradients(cut(x), x) == [None]  # pyright: ignore[reportCallIssue]


def test_rule_40_an_assignment_carries_no_gradient(graph: pb.Graph) -> None:
    x = scalar()
    v = pb.Variable(0.0)
    with pb.control_dependencies([v.assign(x)]):
        y = v.read()
    assert pb.gradients(y, x) == [None]


def test_rule_41_a_rule_is_not_called_without_a_gradient(graph: pb.Graph) -> None:
    x = scalar()
    with graph.gradient_override_map({"tanh": "nobody registers this"}):
        y = pb.stop_gradient(pb.tanh(x)) + x
    assert pb.run(pb.gradients(y, x)[0]) == 1


def test_rule_42_absent_gradients_of_other_results_are_zeros(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4,), name="x")
    first, _, third = pb.split(x, [1, 2, 1])
    (dx,) = pb.gradients([first * 5.0, third * 7.0], x)
    np.testing.assert_array_equal(pb.run(dx), [5, 0, 0, 7])


@pytest.mark.parametrize("others", list(itertools.product([False, True], repeat=2)))
def test_rule_43_what_an_x_gets_depends_on_it_alone(graph: pb.Graph, others: tuple[bool, bool]) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    p, q = pb.split(x, 2)
    y = p * 3.0
    xs = [q, *(t for t, asked in zip((p, x), others, strict=True) if asked)]
    assert pb.gradients(y, xs)[0] is None


@pytest.mark.parametrize("unconnected", ["zero", pb.UnconnectedGradients.ZERO])
def test_rule_44_zeros_for_every_unconnected_x(graph: pb.Graph, unconnected: str) -> None:
    x = pb.placeholder("f32", (None,), name="x")
    n = pb.placeholder("i32", (2,), name="n")
    p, q = pb.split(pb.placeholder("f32", (2,), name="z"), 2)
    zeros = pb.gradients(p * 1.0, [x, n, q], unconnected_gradients=unconnected)
    values = pb.run(zeros, {x: np.ones(3, np.float32), n: np.ones(2, np.int32), p: [1.0], q: [1.0]})
    assert [z.dtype for z in zeros] == ["f32", "i32", "f32"]
    assert [v.shape for v in values] == [(3,), (2,), (1,)]
    assert not any(v.any() for v in values)


def test_rule_44_zeros_for_a_variable(graph: pb.Graph) -> None:
    v = pb.Variable(np.ones((2, 3)))
    (dv,) = pb.gradients(pb.constant(1.0), v, unconnected_gradients="zero")
    np.testing.assert_array_equal(pb.run(dv), np.zeros((2, 3)))


def test_rule_44_other_values_are_refused(graph: pb.Graph) -> None:
    x = scalar()
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients: 'nope'"):
        pb.gradients(x, x, unconnected_gradients="nope")
    assert pb.gradients(pb.constant(1.0), x, unconnected_gradients=pb.UnconnectedGradients.NONE) == [None]


def test_rule_45_gradients_of_gradients(graph: pb.Graph) -> None:
    x = scalar()
    y = pb.exp(x * 2.0)
    for order in range(1, 4):
        (y,) = pb.gradients(y, x)
        np.testing.assert_allclose(pb.run(y, {x: 0.5}), 2**order * np.e, rtol=1e-6)
    (slope,) = pb.gradients(x * 3.0, x)
    assert pb.gradients(slope, x) == [None]


def test_rule_46_a_fed_value_is_what_gradients_read(graph: pb.Graph) -> None:
    x = scalar()
    y = x * x
    z = y * y
    (dx,) = pb.gradients(z, x)
    assert pb.run([z, dx], {x: 2.0}) == [16, 32]
    assert pb.run([z, dx], {x: 2.0, y: 100.0}) == [10_000, 800]
    w = x * 3.0
    (dw,) = pb.gradients(w, x)
    assert pb.run([w, dw], {x: 1.0, w: 100.0}) == [100, 3]
