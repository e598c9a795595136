"""What a target's kernels do not compute, the host does: the results are the same, and later passes see the mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from xdsl.context import Context
from xdsl.dialects.builtin import TensorType, f64
from xdsl.ir import Operation

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.driver.program import compile_function
from pullback.driver.targets.cpu import CPU
from pullback.driver.targets.registry import register_target, unregister_target
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.kernels.programs import Program, arguments, contents, outcome, programs

WITHOUT_F64 = replace(
    CPU,
    name="without-f64",
    capabilities=lambda: {"vector-bits": 128, "dtypes": ("i32", "i1"), "host-ops": ("graph.less",)},
    texts=(),
)


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    register_target(WITHOUT_F64)
    yield
    unregister_target("without-f64")


def in_kernels(op: Operation) -> list[Operation]:
    return [inner for kernel in op.walk() if isinstance(kernel, Kernel) for inner in kernel.body.walk()]


def has_f64(op: Operation) -> bool:
    types = [value.type for value in (*op.operands, *op.results)]
    return any(isinstance(t, TensorType) and t.element_type == f64 for t in types)


@given(programs())
def test_kernels_compute_with_the_dtypes_of_the_target(program: Program) -> None:
    before = outcome(program.function)
    FormKernels(dtypes=("i32", "i1")).apply(Context(), program.module)
    verify_level(program.module, "kernels")
    assert not any(map(has_f64, in_kernels(program.module)))
    for expected, got in zip(before, outcome(program.function), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@given(programs())
@settings(max_examples=20)
def test_named_operations_are_not_in_kernels(program: Program) -> None:
    names = ("graph.tanh", "graph.add", "graph.sum", "graph.transpose", "graph.fill", "graph.softmax")
    FormKernels(host_ops=names).apply(Context(), program.module)
    assert {op.name for op in in_kernels(program.module)}.isdisjoint(names)


@given(programs())
@settings(max_examples=20)
def test_native_code_calls_the_host_for_the_rest(program: Program) -> None:
    expected, variables = outcome(program.function), contents()
    results = compile_function(program.module, "without-f64")(arguments(), variables)
    for got, wanted in zip([*results, *variables.values()], expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
