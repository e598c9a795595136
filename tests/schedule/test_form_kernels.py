"""form-kernels keeps what a graph computes, whatever the graph."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from xdsl.context import Context

from pullback.passes.levels import verify_level
from pullback.passes.schedule.form_kernels import FormKernels
from pullback.tests.schedule.programs import Program, outcome, programs


@given(programs())
def test_kernels_compute_what_the_graph_did(program: Program) -> None:
    before = outcome(program.function)
    FormKernels().apply(Context(), program.module)
    verify_level(program.module, "kernels")
    after = outcome(program.function)
    for expected, got in zip(before, after, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
