"""Calls that a native function runs as a whole: results that it makes, locks that it holds, and when it refuses."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pullback.backends.cpu.calls.call_table import CallForm, MadeArray
from pullback.process.locks import Lock
from pullback.tests.backends.cpu.native import compile_text

COPY = """
func.func @main(%x: memref<3xf32>, %y: memref<3xf32>) {
  memref.copy %x, %y : memref<3xf32> to memref<3xf32>
  func.return
}
"""
F32 = np.dtype(np.float32)


def whole(take: Callable[[], Any] | None = None, **options: Any) -> Callable[..., Any]:
    made = MadeArray(1, options.pop("place", 0), (3,), F32, take)
    run = compile_text(COPY).whole({0: F32}, CallForm((made,), options.pop("length", 1), **options))
    assert run is not None
    return run


def given() -> Any:
    return np.arange(3, dtype=np.float32)


def test_results_are_made_where_they_belong() -> None:
    first, result, last = whole(length=3, place=1)(given())
    assert first is None
    assert last is None
    assert type(result) is np.ndarray
    assert result.flags.carray
    assert result.tolist() == [0, 1, 2]
    assert whole(is_alone=True)(given()).tolist() == [0, 1, 2]


BF16 = np.dtype(ml_dtypes.bfloat16)
BOOL = np.dtype(np.bool_)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_truth_values_of_other_bytes_are_refused(count: int) -> None:
    text = COPY.replace("3xf32", f"{count}xi8")
    form = CallForm((MadeArray(1, 0, (count,), BOOL, None),), 1, is_alone=True)
    run = compile_text(text).whole({0: BOOL}, form)
    assert run is not None
    array = np.arange(count) % 3 == 0
    np.testing.assert_array_equal(run(array), array)
    for at in {0, count // 2, count - 1} & set(range(count)):
        other = array.view(np.uint8).copy()
        other[at] = 128
        assert run(other.view(np.bool_)) is NotImplemented


@pytest.mark.parametrize(
    ("arrays", "fits"),
    [
        ([given().astype(BF16)], True),
        ([np.arange(6).astype(BF16)[::2]], False),
        ([given().astype(BF16).reshape(3, 1)], False),
        ([given().astype(np.uint16)], False),
        ([given().astype(np.float16)], False),
        ([[0, 1, 2]], False),
        ([], False),
        ([given().astype(BF16), given().astype(BF16)], False),
    ],
)
def test_arrays_without_a_letter_in_the_buffer_protocol(arrays: list[Any], fits: bool) -> None:
    form = CallForm((MadeArray(1, 0, (3,), BF16, None),), 1, is_alone=True)
    run = compile_text(COPY.replace("f32", "bf16")).whole({0: BF16}, form)
    assert run is not None
    result = run(*arrays)
    assert (result is not NotImplemented) == fits
    if fits:
        assert result.dtype == BF16
        assert result.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "arrays",
    [
        [],
        [given(), given()],
        [[0, 1, 2]],
        [given().astype(np.float64)],
        [given().astype(">f4")],
        [given().reshape(1, 3)],
        [np.arange(4, dtype=np.float32)],
        [np.arange(6, dtype=np.float32)[::2]],
    ],
)
def test_what_does_not_fit_is_refused(arrays: list[Any]) -> None:
    assert whole()(*arrays) is NotImplemented


def test_memory_may_come_from_elsewhere() -> None:
    memory = np.empty(3, np.float32)
    (result,) = whole(lambda: memory)(given())
    assert result is memory
    assert memory.tolist() == [0, 1, 2]


def test_what_fails_meanwhile_is_raised_and_lets_all_go() -> None:
    lock, x = Lock(), given()
    with pytest.raises(ZeroDivisionError):
        whole(lambda: 1 // 0, locks=(lock,))(x)
    assert not lock.held_here()
    x.resize(5, refcheck=False)  # no buffer is left


def test_locks_are_held_by_other_threads_in_between_only() -> None:
    lock = Lock()
    run = whole(locks=(Lock(), lock))
    assert run(given())[0].tolist() == [0, 1, 2]
    results: list[Any] = []
    with lock:
        thread = threading.Thread(target=lambda: results.append(run(given())))
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
    thread.join()
    assert results[0][0].tolist() == [0, 1, 2]
    with lock:  # it is one that may be entered again
        assert run(given())[0].tolist() == [0, 1, 2]


def test_a_call_inside_of_itself_is_refused() -> None:
    lock = Lock()
    run = whole(locks=(lock,), not_held=lock)
    with lock:
        assert run(given()) is NotImplemented
    assert run(given())[0].tolist() == [0, 1, 2]


def test_nothing_is_called_while_something_is_not_empty() -> None:
    lock, found = Lock(), set[object]()
    run = whole(empty=((), found), locks=(lock,))
    assert run(given())[0].tolist() == [0, 1, 2]
    found.add("a device")
    assert run(given()) is NotImplemented
    assert not lock.held_here()


def test_nothing_is_kept_by_calls() -> None:
    run, x, wrong = whole(length=2), given(), np.zeros(4, np.float32)
    run(x)
    objects = x, wrong, F32, None, NotImplemented, run, np.ndarray
    before = [sys.getrefcount(each) for each in objects]
    for _ in range(500):
        run(x)
        run(wrong)
    after = [sys.getrefcount(each) for each in objects]
    assert all(abs(a - b) < 100 for a, b in zip(after, before, strict=True))
