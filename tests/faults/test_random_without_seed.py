"""Random numbers without a seed were all the same: equal in each operation and in each run, since the seed was 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.creation.random_key import RandomKey
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import run_pipeline

TARGETS = ("numpy", "cpu")
DRAWS: dict[str, Callable[[], Any]] = {
    "normal": lambda: pb.random_normal((4,)),
    "scaled": lambda: pb.random_normal((4,), 1.0, 2.0),
    "uniform": lambda: pb.random_uniform((4,)),
    "within": lambda: pb.random_uniform((4,), -1.0, 1.0),
    "bits": lambda: pb.random_bits((4,)),
    "dropout": lambda: pb.dropout(pb.ones((64,)), 0.5),
}
"""Every function that draws."""


def _same(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_no_other_function_takes_a_seed() -> None:
    import inspect

    functions = [f for f in (getattr(pb, n) for n in pb.__all__) if inspect.isfunction(f)]
    seeded = {f.__name__ for f in functions if "seed" in inspect.signature(f).parameters}
    assert seeded - {"set_random_seed", "check_gradients"} == {
        "random_normal", "random_uniform", "random_bits", "dropout"
    }  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", DRAWS)
def test_two_draws_differ_and_so_do_runs(kind: str, target: str) -> None:
    with pb.Graph():
        step = pb.compile([], [DRAWS[kind](), DRAWS[kind]()], target)
    (a, b), (c, d) = step(), step()
    assert not any(np.array_equal(x, y) for x, y in ((a, b), (a, c), (b, d), (a, d), (b, c)))


def test_graphs_draw_numbers_of_their_own_and_targets_the_same() -> None:
    runs: list[Any] = []
    for seed, target in ((None, "cpu"), (None, "cpu"), (7, "cpu"), (7, "numpy")):
        with pb.Graph():
            if seed is not None:
                pb.set_random_seed(seed)
            runs.append(pb.compile([], [DRAWS[k]() for k in DRAWS], target)())
    assert not _same(runs[0], runs[1])
    assert all(np.allclose(a, b, rtol=1e-5) for a, b in zip(runs[2], runs[3], strict=True))


def test_a_seed_makes_runs_repeat_also_of_steps_that_are_there_already() -> None:
    with pb.Graph() as g:
        step = pb.compile([], [pb.random_normal((4,)), pb.random_uniform((4,))])
        pb.set_random_seed(3)
    first = [step() for _ in range(3)]
    pb.set_random_seed(3, g)
    assert all(_same(a, b) for a, b in zip(first, [step() for _ in range(3)], strict=True))
    pb.set_random_seed(4, g)
    assert not _same(first[0], step())
    pb.set_random_seed(None, g)
    assert not _same(first[0], step())


def test_a_seed_of_its_own_depends_on_nothing_else() -> None:
    runs: list[Any] = []
    for others in (0, 2):
        with pb.Graph():
            pb.set_random_seed(others)
            for _ in range(others):
                pb.random_normal((2,))
            drawn = pb.compile([], [pb.random_normal((4,), seed=5)])
            runs += [drawn(), drawn()]
    assert all(_same(runs[0], other) for other in runs)


def test_the_count_of_steps_is_read_first_and_added_to_last() -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (3,), name="x")
        v = pb.Variable(np.zeros(3, np.float32), name="v")
        step = pb.compile([x], [pb.dropout(x, 0.5), v.assign_add(pb.random_normal((3,)))])
        pb.compile([x], [x + 1])
        pb.random_normal((2,))
    lines = [line.strip() for line in step.ir("gradients").splitlines()]
    assert "graph.variable" in lines[2] and "graph.read" in lines[3]
    assert sum("graph.read" in line for line in lines) == 1
    assert "graph.assign_add %random_state" in lines[-4]
    assert [w.name for w in pb.global_variables(g)] == ["v"] == [w.name for w in pb.trainable_variables(g)]


def test_a_step_that_draws_nothing_counts_nothing() -> None:
    with pb.Graph():
        a, b = pb.random_normal((2,)), pb.ones((2,))
        pb.set_random_seed(1)
        first = pb.run(a)
        pb.set_random_seed(1)
        pb.run(b)
        assert np.array_equal(pb.run(a), first)
    assert "random" not in pb.compile([], [b]).ir("gradients")


# ---- copies draw the same, others do not ------------------------------------------------------------------------


def test_cse_keeps_two_draws_and_merges_copies() -> None:
    text = """func.func @main(%s: tensor<2xi64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %k = graph.random_key %s {number = 0 : i64} : tensor<2xi64>
  %l = graph.random_key %s {number = 1 : i64} : tensor<2xi64>
  %m = graph.random_key %s {number = 0 : i64} : tensor<2xi64>
  %a = graph.random_normal %k : (tensor<2xi64>) -> tensor<4xf32>
  %b = graph.random_normal %l : (tensor<2xi64>) -> tensor<4xf32>
  %c = graph.random_normal %m : (tensor<2xi64>) -> tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}"""
    module = parse(context(), text).module
    run_pipeline(module, "canonicalize,cse,dce")
    assert sum(isinstance(op, RandomKey) for op in module.walk()) == 2
    a, b, c = compile_function(module)([np.array([1, 2])], {})
    assert np.array_equal(a, c) and not np.array_equal(a, b)


@pytest.mark.parametrize("target", TARGETS)
def test_each_trip_of_each_loop_draws_its_own(target: str) -> None:
    def inner(total: Any) -> Any:
        return pb.while_loop(
            lambda j, _: j < 2,
            lambda j, t: (j + 1, pb.concat([t, pb.random_normal((1, 4))], 0)[1:]),
            [0, total],
        )[1]

    with pb.Graph():
        rows = pb.zeros((6, 4))
        _, rows = pb.while_loop(lambda i, _: i < 3, lambda i, t: (i + 1, inner(t)), [0, rows])
        step = pb.compile([], [rows], target)
        drawn = np.concatenate([step()[0], step()[0]])
    assert len({tuple(row) for row in drawn}) == 12


@pytest.mark.parametrize("target", TARGETS)
def test_a_condition_draws_anew_for_each_trip(target: str) -> None:
    """Trips until a draw is above 0.5: 1 on average."""
    with pb.Graph() as g:
        trips = pb.while_loop(lambda i: pb.random_uniform(()) < 0.5, lambda i: [i + 1], [0])[0]
        step = pb.compile([], [trips], target)
    pb.set_random_seed(0, g)
    counts = [int(step()[0]) for _ in range(200)]
    assert 0.8 < np.mean(counts) < 1.2 and max(counts) > 3


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_custom_gradient_draws_is_one_draw_for_each_trip(target: str) -> None:
    @pb.custom_gradient
    def noisy(x: Any) -> Any:
        return x * 2, lambda dy: dy * pb.random_uniform((6,), dtype="f64")

    with pb.Graph():
        x = pb.placeholder("f64", (6,), name="x")
        y = pb.while_loop(lambda i, _: i < 2, lambda i, h: (i + 1, noisy(h)), [0, x])[1]
        step = pb.compile([x], [pb.gradients(y, [x])[0] for _ in range(2)], target)
        one, other = step(np.ones(6))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, step(np.ones(6))[0])


def test_branches_draw() -> None:
    with pb.Graph():
        p = pb.placeholder("i1", (), name="p")
        y = pb.cond(p, lambda: pb.random_normal((3,)), lambda: pb.random_normal((3,)))
        step = pb.compile([p], [y])
        pb.set_random_seed(1)
        a = step(np.bool_(True))
        pb.set_random_seed(1)
        b = step(np.bool_(False))
    assert not _same(a, b)


def _recurrent(x: Any) -> Any:
    """Three trips, each with a mask of its own that hides a quarter."""
    body: Any = lambda i, h: (i + 1, pb.dropout(pb.sin(h) * 2 + h * h, 0.25))  # noqa: E731
    return pb.while_loop(lambda i, _: i < 3, body, [0, x])[1]


X = np.linspace(0.1, 0.9, 12)


@pytest.mark.parametrize("target", TARGETS)
def test_dropout_in_a_loop_has_the_gradient_of_what_it_drew(target: str) -> None:
    """Finite differences with the same draws, one element at a time: elements do not mix."""
    with pb.Graph() as g:
        x = pb.placeholder("f64", (12,), name="x")
        y = _recurrent(x)
        (dx,) = pb.gradients(y, [x])
        step = pb.compile([x], [y, dx], target)

    def run(at: Any) -> Any:
        pb.set_random_seed(9, g)
        return step(at)

    value, gradient = run(X)
    differences = (run(X + 1e-6)[0] - run(X - 1e-6)[0]) / 2e-6
    assert 0 < np.count_nonzero(value) < 12
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(gradient == 0, value == 0)


def test_differences_of_check_gradients_draw_the_same() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (12,), name="x")
        spread = pb.placeholder("f32", (), name="spread")
        y = _recurrent(x) + pb.random_normal((12,), stddev=spread)
        assert len(pb.check_gradients(y, [x, spread], {x: X.astype(np.float32)}).comparisons) >= 3


def test_gradients_asked_for_inside_a_loop_see_its_draws() -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (8,), name="x")

        def body(i: Any, total: Any, values: Any) -> Any:
            inner = pb.while_loop(lambda j, _: j < 2, lambda j, h: (j + 1, pb.dropout(h, 0.3)), [0, total])[1]
            (grad,) = pb.gradients(inner, [total])
            return i + 1, inner, values * grad

        _, y, product = pb.while_loop(lambda i, *_: i < 2, body, [0, x, pb.ones((8,))])
        pb.set_random_seed(2, g)
        value, gradient = pb.run([y, product], {x: np.ones(8, np.float32)})
    np.testing.assert_allclose(value, gradient, rtol=1e-6)


def _layer(x: Any) -> Any:
    return _recurrent(pb.dropout(pb.exp(x), 0.25) + pb.random_normal((12,), dtype="f64") * x)


@pytest.mark.parametrize("target", TARGETS)
def test_recompute_grad_draws_the_same_again(target: str) -> None:
    results: list[Any] = []
    for function in (_layer, pb.recompute_grad(_layer)):
        with pb.Graph():
            pb.set_random_seed(5)
            x = pb.placeholder("f64", (12,), name="x")
            y = function(x) + pb.dropout(x, 0.5)
            (dx,) = pb.gradients(y, [x])
            (ddx,) = pb.gradients(dx, [x])
            step = pb.compile([x], [y, dx, ddx, pb.random_normal((3,))], target)
            results += [step(X), step(X)]
    for plain, again in zip(results[:2], results[2:], strict=True):
        for a, b in zip(plain, again, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)
    assert not _same(*results[:2])


def test_recompute_grad_keeps_no_draw() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (12,), name="x")
        (dx,) = pb.gradients(pb.recompute_grad(lambda x: pb.sin(pb.dropout(x, 0.5)))(x), [x])
        text = pb.compile([x], [dx]).ir("graph")
        both = pb.compile([x], [pb.random_normal((1,)), dx]).ir("graph")
    assert text.count("graph.random_uniform") == 1 and "graph.random_key" in both


def test_keys_are_spread() -> None:
    """First numbers of draws under neighbouring states, numbers and trips, against the uniform distribution."""
    with pb.Graph() as g:
        step = pb.compile([], [pb.random_uniform((1,)) for _ in range(40)], "numpy")
        pb.set_random_seed(0, g)
        drawn = np.array([[u[0] for u in step()] for _ in range(50)])
        body: Any = lambda i, t: (i + 1, pb.concat([t, pb.random_uniform((1,))], 0)[1:])  # noqa: E731
        trips = pb.run(pb.while_loop(lambda i, _: i < 2000, body, [0, pb.zeros((2000,))])[1])
    for numbers in (drawn.reshape(-1), trips):
        assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    for a, b in ((drawn[1:], drawn[:-1]), (drawn[:, 1:], drawn[:, :-1]), (trips[1:], trips[:-1])):
        assert abs(np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1]) < 0.1
