"""The random state of draws without a seed: of functions, in checkpoints, after errors. There was none."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import pullback as pb


def _same(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_functions_share_a_state(target: str) -> None:
    noise = pb.function(lambda x: x + pb.random_normal(x.shape, dtype="f64"), target=target)
    other = pb.function(lambda x: x + pb.random_normal(x.shape, dtype="f64"), target=target)

    def calls() -> list[Any]:
        pb.set_random_seed(11)
        return [noise(np.zeros(3)), noise(np.zeros(3)), other(np.zeros(3)), noise(np.zeros(4))]

    first, again = calls(), calls()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({tuple(a[:3]) for a in first}) == 4


def test_values_and_gradients_of_functions_draw_the_same() -> None:
    x = np.linspace(1, 2, 64)
    f = lambda x: pb.sum(pb.dropout(x, 0.5) * x)  # noqa: E731
    value, gradient = pb.value_and_grad(f)(x)
    np.testing.assert_allclose(np.sum(gradient * x) / 2, value)
    y, pull_back = pb.vjp(lambda x: pb.dropout(x, 0.5), x)
    for _ in range(2):
        np.testing.assert_array_equal(pull_back(np.ones(64))[0] * x, y)
    z, along = pb.jvp(lambda x: pb.dropout(x, 0.5), (x,), (x,))
    np.testing.assert_allclose(z, along)
    other, _ = pb.vjp(lambda x: pb.dropout(x, 0.5), x)
    assert not np.array_equal(other, y)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_threads_draw_different_numbers(target: str) -> None:
    noise = pb.function(lambda x: x + pb.random_normal((4,)), target=target)
    with pb.Graph():
        a = pb.random_normal((4,))
        steps = [pb.compile([], [a], target), pb.compile([], [a * 1.0], target)]
    drawn: list[tuple[float, ...]] = []

    def work(call: Callable[[], Any]) -> None:
        drawn.extend(tuple(call()) for _ in range(40))

    calls = [lambda s=s: s()[0] for s in steps * 2] + [lambda: noise(np.zeros(4, np.float32))] * 2
    threads = [Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == len(set(drawn)) == 40 * len(calls)


def test_a_function_that_is_traced_sets_no_seed() -> None:
    def careless(x: Any) -> Any:
        pb.set_random_seed(1)
        return x

    with pytest.raises(ValueError, match="a function is being traced"):
        pb.function(careless)(1.0)


@pytest.mark.parametrize("seed", [1.5, "a", True, 2**63, [1]])
def test_seeds_that_are_none(seed: Any) -> None:
    with pb.Graph(), pytest.raises(ValueError, match="set_random_seed: seed"):
        pb.set_random_seed(seed)


# ---- what is kept, and what is as it was ---------------------------------------------------------------------------


def test_an_error_gives_the_number_of_a_draw_back() -> None:
    drawn: list[Any] = []
    for fails in (False, True):
        with pb.Graph() as g:
            pb.set_random_seed(1)
            x = pb.placeholder("f32", (3,), name="x")
            before = str(g)
            if fails:
                with pytest.raises(ValueError, match="i32"):
                    pb.while_loop(lambda i: i < 3, lambda i: pb.random_normal((2,)), [0])
                assert str(g) == before
            drawn.append(pb.run(pb.dropout(x, 0.5), {x: np.ones(3, np.float32)}))
    assert np.array_equal(*drawn)


def test_checkpoints_keep_the_state(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"

    def build() -> tuple[pb.Graph, pb.Step]:
        with pb.Graph() as g:
            w = pb.Variable(np.zeros(4, np.float32), name="w")
            return g, pb.compile([], [w.assign_add(pb.random_normal((4,))), w])

    g, step = build()
    step()
    pb.train.save_checkpoint(path, g)
    expected = step()[1], step()[1]
    other, resumed = build()
    pb.train.restore_checkpoint(path, other)
    assert _same((resumed()[1], resumed()[1]), expected)
    pb.train.restore_checkpoint(path, g)
    assert _same((step()[1], step()[1]), expected)


def test_checkpoints_of_variables_of_functions_keep_their_state(tmp_path: Path) -> None:
    w = pb.Variable(np.zeros(4, np.float32), name="w")
    noise = pb.function(lambda: w.assign_add(pb.random_normal((4,))) and w)
    noise()
    pb.train.save_checkpoint(tmp_path / "w.safetensors", [w])
    expected = noise()
    pb.set_random_seed(1)
    pb.train.restore_checkpoint(tmp_path / "w.safetensors", [w])
    np.testing.assert_array_equal(noise(), expected)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_a_copy_goes_on_as_its_original_does(copied: Callable[[Any], Any]) -> None:
    with pb.Graph() as g:
        pb.set_random_seed(4)
        noise = pb.while_loop(
            lambda i, _: i < 2, lambda i, t: (i + 1, t + pb.random_normal((3,))), [0, pb.zeros((3,))]
        )[1]
        step = pb.compile([], [noise, pb.random_normal((3,))])
    step()
    _, other = copied((g, step))
    first, second = step(), step()
    assert _same(other(), first) and _same(other(), second) and not _same(first, second)


@pytest.mark.parametrize(
    "state", ["[1]", '["a", 2]', "{", "[1e400, 0]", f"[{10**30}, 0]", "[true, 0]", "[" * 5000]
)
def test_a_state_that_is_none_is_refused_before_anything_changes(state: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"w": np.ones(2, np.float32)}, path, {"random_state/0": state})
    with pb.Graph() as g:
        w = pb.Variable(np.zeros(2, np.float32), name="w")
        pb.random_normal((2,))
    with pytest.raises(pb.train.CheckpointError, match="no state of random numbers"):
        pb.train.restore_checkpoint(path, g)
    np.testing.assert_array_equal(w.numpy(), 0)
