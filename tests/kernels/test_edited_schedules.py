"""An edited schedule is refused by the check of level `kernels`, or runs on every target that has code for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import KINDS, CpuTuning, GpuTuning, Schedule, ScheduleAttr
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.program import compile_function
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.lowering.kernel_kind import Lowering
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.kernels.programs import Program, arguments, contents, outcome, programs

REFUSALS = ("yet", "no GPU kernel", "shared memory", "totals over all lines", "; expected ", "; remove it")
"""What targets say of kernels that they have no code or no means for, and of parameters that do not suit accesses."""
VALUES: Mapping[str, Sequence[Any]] = {
    "threads": (32, 64, 256),
    "vector": (1, 2, 4),
    "lanes": (1, 4, 32),
    "rows": (1, 2, 8),
    "keep": ("registers", "none"),
    "chunk": (1, 4, 64),
    "split": (1, 2, 5),
    "stage": ((), (0,), (1,), (0, 1)),
    "tile": ((8, 8), (16, 32), (16, 16, 8), (64, 64, 16)),
    "method": ("in_order", "sorted"),
}
"""Some values of each parameter that is tuned for GPUs."""


@st.composite
def tuned_for_gpus(draw: st.DrawFn, kind: str) -> GpuTuning:
    """Some of the parameters that kernels of a kind read, seldom another one."""
    entry = TABLE[kind].targets["gpu"]
    keys = entry.keys if isinstance(entry, Lowering) and draw(st.integers(0, 9)) else tuple(VALUES)
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, max_size=3))
    return GpuTuning(**{key: draw(st.sampled_from(VALUES[key])) for key in chosen})


@st.composite
def edited(draw: st.DrawFn, schedule: Schedule) -> Schedule:
    """The schedule with its kind, its extents or what is tuned exchanged for others."""
    p, r = schedule.parallel, schedule.reduce
    extents = [
        (r, p),
        (p[:-1], (*p[-1:], *r)),
        ((*p, *r[:1]), r[1:]),
        (p[::-1], r),
        ((prod(p),), r),
        ((*p, 1), r),
    ]
    vector, unroll = draw(st.sampled_from([None, 1, 2, 8])), draw(st.sampled_from([None, 1, 3]))
    cpu = CpuTuning(vector, unroll, split=draw(st.sampled_from([None, None, 2, 3])))
    gpu = draw(tuned_for_gpus(schedule.kind))
    match draw(st.integers(0, 2)):
        case 0:
            return replace(schedule, kind=draw(st.sampled_from(list(KINDS))), gpu=gpu)
        case 1:
            parallel, reduce = draw(st.sampled_from(extents))
            return replace(schedule, parallel=parallel, reduce=reduce, cpu=cpu)
        case _:
            return replace(schedule, cpu=cpu, gpu=gpu)


@given(programs(), st.data())
@settings(max_examples=40)
def test_an_edited_schedule_is_refused_or_runs(program: Program, data: st.DataObject) -> None:
    expected = outcome(program.function)
    FormKernels(vector_bits=256).apply(Context(), program.module)
    kernels = [op for op in program.module.walk() if isinstance(op, Kernel)]
    for kernel in kernels[:2]:
        before = kernel.schedule
        assert before is not None
        kernel.properties["schedule"] = ScheduleAttr(data.draw(edited(before.data)))
        try:
            verify_level(program.module, "kernels")
        except DiagnosticError:
            kernel.properties["schedule"] = before
    for target in ("cpu", "simt"):
        variables, refusal = contents(), ""
        try:
            results = compile_function(program.module.clone(), target)(arguments(), variables)
        except DiagnosticError as error:
            refusal, results = str(error), []
        if refusal:
            assert target == "simt"
            assert any(reason in refusal for reason in REFUSALS), refusal
            continue
        for got, wanted in zip([*results, *variables.values()], expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9)


def test_values_are_drawn_for_each_parameter() -> None:
    assert list(VALUES) == [key.name for key in fields(GpuTuning)]
