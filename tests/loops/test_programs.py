"""Random programs through kernels, a memory plan and loops: interpreted and native, with the evaluator's results."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr

from pullback.backends.cpu.runtime import compile_module
from pullback.backends.interpreter.interpreter import interpret
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import plan_function
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.kernels.programs import Program, arguments, contents, outcome, programs

Array = NDArray[Any]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(program=programs(), bits=st.sampled_from([128, 256, 512]), native=st.booleans())
def test_random_programs(program: Program, bits: int, native: bool) -> None:
    expected = outcome(program.function)
    FormKernels(vector_bits=bits).apply(Context(), program.module)
    plan_function(program.function)
    LowerToLoops(vector_bits=bits).apply(Context(), program.module)
    verify_level(program.module, "loops")
    got = run(program.module, expected, native)
    for value, wanted in zip(got, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-11)


def run(module: ModuleOp, expected: list[Array], native: bool) -> list[Array]:
    """The outputs and then the variables after one call; `expected` gives the outputs' shapes."""
    main: Any = module.body.block.last_op
    roles = main.attributes["graph.arguments"]
    assert isinstance(roles, ArrayAttr)
    variables, inputs = contents(), iter(arguments())
    buffers: list[Array] = []
    outputs: list[Array] = []
    undefined: list[int] = []
    for position, (role, type_) in enumerate(zip(roles, main.function_type.inputs, strict=True)):
        assert isinstance(role, StringAttr) and isinstance(type_, MemRefType)
        match role.data:
            case "input":
                buffers.append(next(inputs))
            case "output":
                buffers.append(np.full(type_.get_shape(), 7, expected[len(outputs)].dtype))
                outputs.append(buffers[-1])
                undefined.append(position)
            case "arena":
                buffers.append(np.full(type_.get_shape(), -1, np.int8))
                undefined.append(position)
            case label:
                buffers.append(variables[label.removeprefix("variable:")])
    if native:
        compile_module(module)(*buffers)
    else:
        interpret(module, buffers, undefined=undefined)
    return [*outputs, *variables.values()]
