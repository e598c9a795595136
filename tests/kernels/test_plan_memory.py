"""plan-memory: buffers hold their values, and no two live values overlap."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from xdsl.context import Context

from pullback.dialects.graph.kernel.buffer import MemorySpace
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import plan_function
from pullback.tests.kernels.machine import Machine
from pullback.tests.kernels.programs import Program, arguments, contents, outcome, programs


@given(programs())
def test_buffers_hold_the_values(program: Program) -> None:
    expected = outcome(program.function)
    FormKernels().apply(Context(), program.module)
    plan_function(program.function)
    variables = contents()
    machine = Machine(program.function, arguments(), variables)
    for value, got in zip(expected, [*machine.outputs, *variables.values()], strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-12)


@given(programs())
def test_living_values_do_not_overlap(program: Program) -> None:
    FormKernels().apply(Context(), program.module)
    plan = plan_function(program.function)
    placed = [(s, s.buffer) for s in plan.lives.storages if s.buffer and s.buffer.kind is MemorySpace.ARENA]
    for storage, buffer in placed:
        offset = buffer.place[1]
        assert isinstance(offset, int) and offset % 64 == 0 and offset + storage.size <= plan.arenas[None]
    for (a, at_a), (b, at_b) in combinations(placed, 2):
        if a.start <= b.end and b.start <= a.end:
            begin_a, begin_b = int(at_a.place[1]), int(at_b.place[1])
            assert begin_a + a.size <= begin_b or begin_b + b.size <= begin_a
