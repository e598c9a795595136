"""The cache of compiled shapes: it grew with each new shape, for as long as the step lived."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cpu import runtime
from pullback.driver.program import KEPT_SHAPES, Program
from pullback.driver.targets import cpu as native


def doubling(target: str = "cpu", **options: Any) -> Any:
    with pb.Graph():
        x = pb.placeholder("f32", (None,), name="x")
        return pb.compile([x], [x * 2.0], target, **options)


def call(step: Any, extent: int) -> None:
    (result,) = step(np.ones(extent, np.float32))
    np.testing.assert_array_equal(result, np.full(extent, 2.0))


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_the_latest_shapes_are_kept(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    compiled = Program._made_for

    def counting(self: Program, shapes: Any) -> Any:
        made.append(shapes)
        return compiled(self, shapes)

    monkeypatch.setattr(Program, "_made_for", counting)
    step = doubling(target, kept_shapes=2)
    for extent in (1, 2, 1, 3, 1, 2, 3):
        call(step, extent)
    # 2 goes for 3, as 1 was used since; then 3 goes for 2, and 1 for 3.
    assert made == [((1,),), ((2,),), ((3,),), ((2,),), ((3,),)]


def test_the_default_is_bounded() -> None:
    step = doubling("numpy")
    for extent in range(KEPT_SHAPES + 10):
        call(step, extent)
    assert len(step._program._executors) == KEPT_SHAPES
    assert step.ir("kernels").count("tensor<73xf32>") > 0  # the latest shape


def test_code_goes_with_what_used_it(monkeypatch: pytest.MonkeyPatch) -> None:
    code: list[weakref.ref[Any]] = []
    link = runtime.link

    def watched(*arguments: Any) -> Any:
        tracker = link(*arguments)
        code.append(weakref.ref(tracker))
        return tracker

    monkeypatch.setattr(runtime, "link", watched)
    with pb.Graph():
        x = pb.placeholder("f32", (None,), name="x")
        w = pb.Variable(np.zeros(1, np.float32), name="w")
        step = pb.compile([x], [pb.sort(x) * 2.0, w.assign_add(1.0)], kept_shapes=1)
    for extent in (1, 2, 3):
        step(np.ones(extent, np.float32))
    gc.collect()
    assert [reference() is None for reference in code] == [True, True, False]
    del step
    gc.collect()
    assert all(reference() is None for reference in code)


def resident() -> float:
    """Megabytes of memory of this process."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


@pytest.mark.slow
def test_memory_stays() -> None:
    step = doubling(kept_shapes=4)
    sizes: list[float] = []
    for extent in range(400):
        call(step, extent + 1)
        if extent % 100 == 99:
            sizes.append(resident())
    # LLVM's pipeline of passes keeps 0.07 MB of each compilation; a shape that is kept is ten times that.
    assert sizes[-1] - sizes[0] < 300 * 0.2


def test_a_shape_in_use_may_go() -> None:
    step = doubling(kept_shapes=1)
    executor = step._program.executor([np.ones(4, np.float32)])
    call(step, 5)
    gc.collect()
    (result,) = executor([np.ones(4, np.float32)], {})
    np.testing.assert_array_equal(result, np.full(4, 2.0))
    assert isinstance(executor, native.NativeFunction)


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0, None])
def test_what_is_no_number_of_shapes(wrong: Any) -> None:
    with pytest.raises(ValueError, match="kept_shapes: expected a number of shapes from 1 on"):
        doubling(kept_shapes=wrong)
