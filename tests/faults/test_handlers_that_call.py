"""Handlers of signals that call the step they interrupt: its memory is in use, so they are refused."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import pullback as pb
from pullback.backends.host_program.host_program import HostProgram


@pytest.fixture
def on_signal() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Sets what SIGUSR1 calls."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda action: void(signal.signal(signal.SIGUSR1, lambda number, frame: void(action())))
    signal.signal(signal.SIGUSR1, before)


def void(_: object) -> None: ...


@pytest.mark.parametrize("has_variable", [False, True])
def test_a_step_that_launches(
    has_variable: bool,
    on_signal: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (4,))
        total = pb.Variable(np.zeros(4, np.float32))
        y = pb.tanh(x) @ pb.ones((4, 4))
        step = pb.compile([x], [y, total.assign_add(y)] if has_variable else [y], target="simt")
    given = np.ones(4, np.float32)
    refused: list[str] = []

    def call_again() -> None:
        with pytest.raises(RuntimeError) as error:
            step(given)
        refused.append(str(error.value))

    run = HostProgram.run

    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGUSR1)
        run(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(HostProgram, "run", interrupted)
    on_signal(call_again)
    np.testing.assert_allclose(step(given)[0], np.tanh(given) * 4, rtol=1e-6)
    assert refused == ["a signal handler called the step that it interrupted, whose memory is in use"]
