"""Each copy, launch and call of a host function is needed: without it the emulator stops, or a result is wrong."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, ModuleOp
from xdsl.ir import Operation

import pullback as pb
from pullback.backends.host_program.host_program import Launch
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import Emulator
from pullback.tests.driver.host_cases import numbers
from pullback.tests.gpu.planted import Subject, subject_of_graph

STEPS = ("gpu.memcpy", "gpu.launch_func", "func.call")
SWAPPING = """
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %c = graph.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %sums = graph.cumsum %x {axis = 0 : i64, host} : tensor<4xf32>
  %more_sums = graph.cumsum %sums {axis = 0 : i64, host} : tensor<4xf32>
  %y, %z = graph.while %more_sums, %c : tensor<4xf32>, tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %limit = graph.fill {value = 90.0 : f32} : tensor<f32>
    %most = graph.max %a {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    %more = graph.less %most, %limit : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %more : tensor<i1>
  } do {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %twice = graph.add %a, %a : tensor<4xf32>
    %next = graph.cumsum %twice {axis = 0 : i64, host} : tensor<4xf32>
    graph.yield %b, %next : tensor<4xf32>, tensor<4xf32>
  }
  func.return %y, %z, %sums : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}"""
"""A loop whose values change places, and a chain of what the host runs, of which the device needs a part."""


def growing() -> str:
    """A loop of more trips than a stack has room for at first, and its gradient."""
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        _, y = pb.while_loop(lambda i, _: i < 18, lambda i, a: (i + 1, pb.tanh(a * x + 0.5)), [0, x])
        return pb.compile([x], [y, *pb.gradients(y, x)], target="simt").ir("graph")


@cache
def subject(name: str) -> Subject:
    text = SWAPPING if name == "swapping" else growing()
    return subject_of_graph(text, np.abs(numbers(4 if name == "swapping" else 3)))


def steps(module: ModuleOp) -> list[Operation]:
    """What the host function does, but for copies of stacks that nothing was pushed on yet."""
    return [op for op in module.walk() if op.name in STEPS and not is_copy_of_a_stack(op)]


def is_copy_of_a_stack(op: Operation) -> bool:
    types = [value.type for value in op.operands if isinstance(value.type, MemRefType)]
    return len(types) == 2 and types[0] == types[1] and DYNAMIC_INDEX in types[0].get_shape()


class Bounded(Emulator):
    """An emulator that stops a loop without end."""

    def __init__(self, module: ModuleOp) -> None:
        super().__init__(module)
        self.launches = 0

    def kernel(self, op: Operation) -> Launch:
        run = super().kernel(op)

        def launch(at: Operation, *arguments: Any) -> None:
            self.launches += 1
            if self.launches > 300:
                raise ExecutionError(at, "a loop does not end")
            run(at, *arguments)

        return launch


def is_right(program: Subject, module: ModuleOp) -> bool:
    try:
        results = program.call(module, Bounded(module))
    except ExecutionError:
        return False
    return all(np.allclose(a, b, 1e-5, 1e-6) for a, b in zip(results, program.expected, strict=True))


@pytest.mark.parametrize("name", ["swapping", "growing"])
def test_each_step_of_a_host_function_is_needed(name: str) -> None:
    program = subject(name)
    assert is_right(program, program.module)
    count = len(steps(program.module))
    assert count > 12
    for number in range(count):
        changed = program.module.clone()
        missing = steps(changed)[number]
        missing.detach()
        assert not is_right(program, changed), f"without {missing} all is right"
