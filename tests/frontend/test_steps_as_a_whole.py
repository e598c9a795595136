"""Steps whose calls are one native function: nests of outputs, variables, threads, and what it leaves to Python."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.driver.whole_call import refused
from pullback.frontend.trace.step import Step

F32 = np.float32


def runs_as_a_whole(step: Step) -> bool:
    return step._run is not refused  # pyright: ignore[reportPrivateUsage]


def doubled(outputs: Any, shape: tuple[int, ...] = (4,)) -> Step:
    with pb.Graph():
        x = pb.placeholder(F32, shape)
        return pb.compile([x], outputs(x, x + x))


def test_outputs_come_in_their_nest() -> None:
    x = np.arange(4, dtype=F32)
    forms: list[tuple[Any, Any]] = [
        (lambda a, b: b, 2 * x),
        (lambda a, b: [b], [2 * x]),
        (lambda a, b: [b, a, b], [2 * x, x, 2 * x]),
        (lambda a, b: (b, {"a": a}), (2 * x, {"a": x})),
        (lambda a, b: [[b], a], [[2 * x], x]),
        (lambda a, b: [], []),
    ]
    for outputs, expected in forms:
        step = doubled(outputs)
        for _ in range(3):
            found = step(x)
            assert type(found) is type(expected)
            assert repr(found) == repr(expected)
        assert runs_as_a_whole(step)


def test_an_operation_alone_runs_once_in_each_call() -> None:
    with pb.Graph():
        counter = pb.Variable(np.zeros((), F32))
        step = pb.compile([], pb.group(counter.assign_add(1.0)))
    for count in range(1, 5):
        assert step() is None
        assert counter.numpy() == count


def test_a_call_that_is_not_as_usual_is_converted_or_refused() -> None:
    step = doubled(lambda a, b: [b])
    x = np.arange(4, dtype=F32)
    for _ in range(2):
        assert step(x)[0].tolist() == [0, 2, 4, 6]
        assert step([0, 1, 2, 3])[0].tolist() == [0, 2, 4, 6]
        assert step(np.arange(8, dtype=F32)[::2])[0].tolist() == [0, 4, 8, 12]
        with pytest.raises(TypeError, match="expected dtype float32, got float64"):
            step(x.astype(np.float64))
        with pytest.raises(ValueError, match=r"expected .*4xf32.*, got an array of shape"):
            step(x[:3])
        with pytest.raises(TypeError, match="the step takes 1 inputs"):
            step(x, x)


@pytest.mark.parametrize(
    ("dtype", "other"), [(np.int32, np.uint32), (np.int8, np.bool_), (np.int8, np.uint8)]
)
def test_dtypes_of_equal_memory_are_told_apart(dtype: Any, other: Any) -> None:
    with pb.Graph():
        x = pb.placeholder(dtype, (2,))
        step = pb.compile([x], [x + x])
    assert step(np.ones(2, dtype))[0].tolist() == [2, 2]
    with pytest.raises(TypeError, match=np.dtype(other).name):
        step(np.ones(2, other))


def test_shapes_may_alternate() -> None:
    step = doubled(lambda a, b: [b], (None,))  # pyright: ignore[reportArgumentType]
    for n in (3, 5, 3, 0, 5, 1):
        assert step(np.ones(n, F32))[0].tolist() == [2] * n


def test_memory_is_used_again_when_nobody_has_it() -> None:
    n = 1 << 15
    step = doubled(lambda a, b: b, (n,))
    kept = [step(np.full(n, i, F32)) for i in range(8)]
    assert [int(array[7]) for array in kept] == [2 * i for i in range(8)]
    parts = [array[5:6] for array in kept]
    del kept
    for _ in range(8):
        step(np.full(n, 100, F32))
    assert [int(part[0]) for part in parts] == [2 * i for i in range(8)]


def test_threads_share_a_step_with_memory_of_its_own() -> None:
    with pb.Graph():
        x = pb.placeholder(F32, (16, 16))
        step = pb.compile([x], [pb.matmul(pb.softmax(pb.matmul(x, x)), x), x])

    def work(seed: int) -> bool:
        x = np.random.default_rng(seed).normal(size=(16, 16)).astype(F32)
        first = step(x)[0]
        return all((step(x)[0] == first).all() for _ in range(50))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


class Side:
    """Memory of a device that is none."""

    def __init__(self) -> None:
        self.contents: Any = None

    def upload(self, array: Any) -> None:
        self.contents = array.copy()

    def download(self, array: Any) -> None:
        array[...] = self.contents


def test_contents_that_a_device_has_changed_are_copied_first() -> None:
    with pb.Graph():
        variable = pb.Variable(np.zeros(3, F32))
        x = pb.placeholder(F32, (3,))
        step = pb.compile([x], [pb.group(variable.assign_add(x))])
    one = np.ones(3, F32)
    for _ in range(2):
        step(one)
    assert runs_as_a_whole(step)
    side = variable.storage.on_device("device", Side)
    side.contents += 10
    variable.storage.changed_on_device("device")
    step(one)
    assert variable.numpy().tolist() == [13, 13, 13]
    step(one)
    assert variable.numpy().tolist() == [14, 14, 14]


def test_a_step_goes_when_nobody_has_it() -> None:
    step = doubled(lambda a, b: (a, b))
    step(np.ones(4, F32))
    gone = weakref.ref(step)
    gc.disable()
    try:
        del step
        assert gone() is None
    finally:
        gc.enable()
