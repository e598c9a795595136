"""Programs on the stand-in: the same numbers as the evaluator's, from one graph for each segment."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.backends.cuda_runtime.programs_on_devices import X, agree, host_operation, layers, loop
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.cuda_core.recording import Waited
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler
N = np.int32


@pytest.mark.parametrize("seed", range(3))
def test_a_step_is_a_launch_of_a_graph_and_a_wait(seed: int) -> None:
    with standing_in(seed=seed) as core:
        trained, expected = layers(), layers("numpy")
        agree(trained.step(X), expected.step(X))
        for _ in range(3):
            core.recording.clear()
            agree(trained.step(X), expected.step(X))
            (graph,) = core.recording.graph_launches()
            assert graph.nodes == len(core.recording.launches()) + len(core.recording.copies())
            assert core.recording.waits() == [Waited("stream", 0)]
            copies = {(each.kind, each.size) for each in core.recording.copies()}
            assert copies == {("h2d", 128), ("d2h", 4)}
            assert not core.recording.allocations()
        agree(trained.contents(), expected.contents())


def test_each_command_is_waited_for_where_that_is_asked_for(
    core: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CUDA_SYNC", "1")
    trained, expected = layers(), layers("numpy")
    core.recording.clear()
    agree(trained.step(X), expected.step(X))
    assert not core.recording.graph_launches()
    assert len(core.recording.waits()) == len(core.recording.launches()) + len(core.recording.copies())


@pytest.mark.parametrize("seed", [0, 1])
def test_loops_and_stacks(seed: int) -> None:
    with standing_in(seed=seed) as core:
        step, expected = loop(), loop("numpy")
        agree(step(X, N(1)), expected(X, N(1)))
        # Stacks grow at 16 rows.
        for trips in (3, 0, 18):
            core.recording.clear()
            agree(step(X, N(trips)), expected(X, N(trips)))
            assert len(core.recording.allocations()) == len(core.recording.frees()) > 0
            # Each trip of both loops, and their ends, are found out by the host.
            assert len(core.recording.waits()) == 2 * (trips + 1) + 1


def test_operations_of_the_host(core: StandIn) -> None:
    step, expected = host_operation(), host_operation("numpy")
    for _ in range(2):
        core.recording.clear()
        agree(step(X), expected(X))
        assert len(core.recording.waits()) == 2
        assert sorted(each.kind for each in core.recording.copies()) == ["d2h", "d2h", "h2d", "h2d"]


def test_inputs_may_change_once_a_step_returns(core: StandIn) -> None:
    step, expected = host_operation(), host_operation("numpy")
    x = X.copy()
    got, want = step(x), expected(x)
    x[...] = 0
    second, zero = step(x), expected(x)
    agree(got, want)
    agree(second, zero)
