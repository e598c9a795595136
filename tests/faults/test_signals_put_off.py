"""Signals that are deferred in critical sections, and where a run may stop."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from pullback.process import interrupts
from pullback.process.interrupts import Progress, poll, putting_off

pytestmark = pytest.mark.usefixtures("ctrl_c")


def test_what_is_put_off_comes_at_the_end() -> None:
    order: list[str] = []

    def action() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        order.append("action")

    with pytest.raises(KeyboardInterrupt):
        putting_off(action)
    assert order == ["action"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert putting_off(lambda: putting_off(lambda: 3)) == 3


def test_what_is_put_off_comes_at_a_poll() -> None:
    def action() -> None:
        poll()
        signal.raise_signal(signal.SIGINT)
        poll()
        pytest.fail("it goes on")

    with pytest.raises(KeyboardInterrupt):
        putting_off(action)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    poll()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_python_does_not_handle_is_left_alone(handler: Any) -> None:
    signal.signal(signal.SIGINT, handler)
    assert putting_off(lambda: signal.getsignal(signal.SIGINT)) == handler


def test_where_a_run_may_stop() -> None:
    stops: list[bool] = []

    def look(progress: Progress) -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            progress.poll()
            stops.append(False)
        except KeyboardInterrupt:
            stops.append(True)
        interrupts._current[-1].arrived.clear()

    def action() -> None:
        progress = Progress()
        look(progress)  # at first
        begin = progress.begin_loop()
        for trip in range(2):
            progress.next_trip(begin)
            look(progress)  # before the first write of a trip
            if trip == 1:
                inner = progress.begin_loop()
                progress.next_trip(inner)
                look(progress)  # in a loop in the loop that changes nothing
                progress.end_loop(inner)
            progress.changes("w")
            look(progress)  # after a write
        progress.end_loop(begin)
        look(progress)
        begin = progress.begin_loop()
        progress.next_trip(begin)
        look(progress)  # a loop that changes nothing, after a write
        assert list(progress.changed) == ["w"]

    putting_off(action)
    assert stops == [True, True, False, True, True, False, False, False]
