"""Stacks grow as they must, may be used more than once, and leave no memory behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cpu.runtime import compile_module
from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.interpreter import LoopProgram, interpret
from pullback.backends.interpreter.run_memory import MEMORY
from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import NUMPY_DTYPES
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import plan_function
from pullback.passes.loops.lower_to_loops import LowerToLoops

STACK = "!graph.stack<tensor<4xf32>>"
COUNT_DOWN = f"""
  %acc{{n}}, %i{{n}}, %rest{{n}} = graph.while %x, %i, %s : tensor<4xf32>, tensor<i32>, {STACK} {{{{
  ^bb0(%a: tensor<4xf32>, %j: tensor<i32>, %t: {STACK}):
    %c = graph.greater %j, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  }}}} do {{{{
  ^bb0(%a: tensor<4xf32>, %j: tensor<i32>, %t: {STACK}):
    %k = graph.subtract %j, %one : tensor<i32>
    %u, %top = graph.pop %t : ({STACK}) -> ({STACK}, tensor<4xf32>)
    %b = graph.{{op}} %a, %top : tensor<4xf32>
    graph.yield %b, %k, %u : tensor<4xf32>, tensor<i32>, {STACK}
  }}}}
"""
PROGRAM = f"""
func.func @main(%x: tensor<4xf32>, %n: tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>) {{
  %zero = graph.fill {{value = 0 : i32}} : tensor<i32>
  %one = graph.fill {{value = 1 : i32}} : tensor<i32>
  %empty = graph.empty_stack : {STACK}
  %unused = graph.empty_stack : {STACK}
  %i, %y, %s = graph.while %zero, %x, %empty : tensor<i32>, tensor<4xf32>, {STACK} {{
  ^bb0(%j: tensor<i32>, %a: tensor<4xf32>, %t: {STACK}):
    %c = graph.greater %n, %j : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  }} do {{
  ^bb0(%j: tensor<i32>, %a: tensor<4xf32>, %t: {STACK}):
    %k = graph.add %j, %one : tensor<i32>
    %b = graph.tanh %a : tensor<4xf32>
    %u = graph.push %t, %b : ({STACK}, tensor<4xf32>) -> {STACK}
    %lost = graph.push %t, %a : ({STACK}, tensor<4xf32>) -> {STACK}
    graph.yield %k, %b, %u : tensor<i32>, tensor<4xf32>, {STACK}
  }}
  {COUNT_DOWN.format(n=1, op="add")}
  {COUNT_DOWN.format(n=2, op="maximum")}
  func.return %acc1, %acc2 : tensor<4xf32>, tensor<4xf32>
}}
"""


SUMS = f"""
func.func @main(%x: tensor<4xf32>, %n: tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {{
  %zero = graph.fill {{value = 0 : i32}} : tensor<i32>
  %one = graph.fill {{value = 1 : i32}} : tensor<i32>
  %empty = graph.empty_stack : {STACK}
  %short = graph.push %empty, %x : ({STACK}, tensor<4xf32>) -> {STACK}
  %i, %y, %s = graph.while %zero, %x, %empty : tensor<i32>, tensor<4xf32>, {STACK} {{
  ^bb0(%j: tensor<i32>, %a: tensor<4xf32>, %t: {STACK}):
    %c = graph.greater %n, %j : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  }} do {{
  ^bb0(%j: tensor<i32>, %a: tensor<4xf32>, %t: {STACK}):
    %k = graph.add %j, %one : tensor<i32>
    %b = graph.tanh %a : tensor<4xf32>
    %u = graph.push %t, %b : ({STACK}, tensor<4xf32>) -> {STACK}
    graph.yield %k, %b, %u : tensor<i32>, tensor<4xf32>, {STACK}
  }}
  %sum = graph.add_n %short, %s, %s, %empty : {STACK}
  %s1, %a = graph.pop %sum : ({STACK}) -> ({STACK}, tensor<4xf32>)
  %s2, %b = graph.pop %s1 : ({STACK}) -> ({STACK}, tensor<4xf32>)
  %s3 = graph.push %s2, %b : ({STACK}, tensor<4xf32>) -> {STACK}
  %s4 = graph.add_n %short, %s3 : {STACK}
  %s5, %c = graph.pop %s4 : ({STACK}) -> ({STACK}, tensor<4xf32>)
  %s6, %d = graph.pop %short : ({STACK}) -> ({STACK}, tensor<4xf32>)
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}}
"""
"""Stacks are summed from their tops, whichever is longer; one that has no more rows gives zeros."""


def loops(text: str) -> ModuleOp:
    module = parse(context(), text).module
    FormKernels(vector_bits=256).apply(Context(), module)
    function: Any = module.body.block.first_op
    plan_function(function)
    LowerToLoops(vector_bits=256).apply(Context(), module)
    return module


@pytest.mark.parametrize("program", [PROGRAM, SUMS], ids=["loops", "sums"])
@pytest.mark.parametrize("count", [0, 1, 16, 17, 40])
def test_stacks(count: int, program: str) -> None:
    """Two loops pop what one has pushed; one stack is pushed to twice; every allocation is freed once."""
    inputs = [np.linspace(-1, 1, 4, dtype=np.float32), np.array(count, np.int32)]
    oracle: Any = parse(context(), program).module.body.block.first_op
    expected = evaluate(oracle, inputs)
    module = loops(program)
    main: Any = module.body.block.last_op
    arenas = main.function_type.inputs.data[len(inputs) + len(expected) :]
    arena = [np.zeros(type_.get_shape(), np.int8) for type_ in arenas]
    alive: list[int] = []

    def counted(name: str, change: int) -> Any:
        def build(compiler: Any, op: Any) -> Any:
            step = MEMORY[name](compiler, op)

            def run(environment: Any) -> None:
                alive.append(change)
                step(environment)

            return run

        return build

    builders = {"memref.alloc": counted("memref.alloc", 1), "memref.dealloc": counted("memref.dealloc", -1)}
    outputs = [np.empty(4, np.float32) for _ in expected]
    LoopProgram(module, builders).run("main", [*inputs, *outputs, *arena])
    assert sum(alive) == 0
    assert len(alive) > 4
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, wanted, rtol=1e-6)
    compile_module(module)(*inputs, *outputs, *arena)
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["f64", "i32", "i1", "ui8", "f16", "bf16", "complex<f32>"])
def test_an_empty_stack_holds_zeros(dtype: str) -> None:
    type_ = f"tensor<2x3x{dtype}>"
    text = f"""
func.func @main() -> {type_} {{
  %empty = graph.empty_stack : !graph.stack<{type_}>
  %rest, %zeros = graph.pop %empty : (!graph.stack<{type_}>) -> (!graph.stack<{type_}>, {type_})
  func.return %zeros : {type_}
}}
"""
    expected = np.zeros((2, 3), next(d for t, d in NUMPY_DTYPES.items() if str(t) == dtype))
    for run in (compile_module(loops(text)), lambda array: interpret(loops(text), [array], undefined=[0])):
        found = np.ones_like(expected)
        run(found)
        np.testing.assert_array_equal(found, expected)
