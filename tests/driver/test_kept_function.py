"""Native programs are found again: nothing is lowered then, and what they compute is the same to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.driver import program
from pullback.tests.driver.kept_programs import KeptPrograms
from pullback.tests.driver.kept_programs import kept as kept

NEW = {"it is new": 1}
Build = Callable[[], tuple[Any, list[Any]]]


def arithmetic(name: str = "x") -> tuple[Any, list[Any]]:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 5), name=name)
        y = pb.tanh(x) * 2
        step = pb.compile([x], [pb.sum(y), y])
    return step, [np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)]


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is lowered from now on."""
    seen: list[object] = []
    lower = program.lowered_for

    def noted(*arguments: Any) -> Any:
        seen.append(arguments)
        return lower(*arguments)

    monkeypatch.setattr(program, "lowered_for", noted)
    return seen


def test_what_is_found_lowers_nothing(kept: KeptPrograms, lowered: list[object]) -> None:
    step, inputs = arithmetic()
    cold = step(*inputs)
    assert kept.found == (0, NEW) and len(lowered) == 1
    step, inputs = arithmetic()
    warm = step(*inputs)
    assert kept.found == (1, {}) and len(lowered) == 1
    assert [a.tobytes() for a in warm] == [a.tobytes() for a in cold]
    assert len(kept.files) == 1
    assert "define" in step.ir("llvm")
    assert len(lowered) == 2


def test_other_shapes_and_names_are_other_programs(kept: KeptPrograms) -> None:
    step, _ = arithmetic()
    for rows in (2, 3, 2):
        step(np.ones((rows, 5), np.float32))
    assert kept.found == (0, {"it is new": 2})
    step, _ = arithmetic("z")
    step(np.ones((2, 5), np.float32))
    assert kept.found == (0, NEW)
