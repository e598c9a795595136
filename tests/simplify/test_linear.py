"""Ten thousand operands are no reason to be slow, and deep nesting none to fail."""

from __future__ import annotations

import time

import pytest
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, f32

from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.markers import AddN, GradientResults
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.passes.gradients.gate_gradients import GateGradients
from pullback.passes.simplify.canonicalize import canonicalize
from pullback.passes.simplify.cse import merge_equal
from pullback.passes.simplify.dce import remove_dead

TYPE = tensor_type(f32, (4,))


def fan_in(width: int) -> func.FuncOp:
    """One addition of `width` terms: equal ones, neutral ones, and each through a marker."""
    function = func.FuncOp("main", ([TYPE], []))
    block = function.body.block
    with inserting(block.add_op):
        x = Tensor(block.args[0])
        terms = [Tanh.of(x) if i % 2 else Tanh.of(x) + 0 for i in range(width)]
        total = AddN.of(*(GradientResults.mark([t])[0] for t in terms))
        block.add_op(func.ReturnOp(total.value))
    function.update_function_type()
    return function


def seconds(width: int) -> float:
    function = fan_in(width)
    module = ModuleOp([function])
    start = time.process_time()
    GateGradients().apply(Context(), module)
    canonicalize(function)
    merge_equal(function)
    remove_dead(function)
    elapsed = time.process_time() - start
    assert [op.name for op in function.body.block.ops] == ["graph.tanh", "graph.add_n", "func.return"]
    return elapsed


@pytest.mark.slow
def test_time_is_linear_in_the_operands_of_one_operation() -> None:
    seconds(100)
    small = min(seconds(1_000) for _ in range(3))
    large = min(seconds(10_000) for _ in range(2))
    assert large < 30 * small  # a quadratic pass takes 100 times as long


def test_a_chain_of_20000_operations() -> None:
    function = func.FuncOp("main", ([TYPE], []))
    block = function.body.block
    with inserting(block.add_op):
        x = Tensor(block.args[0])
        for _ in range(10_000):
            x = -(x + 0)
        block.add_op(func.ReturnOp(x.value))
    function.update_function_type()
    canonicalize(function)
    merge_equal(function)
    remove_dead(function)
    assert [op.name for op in block.ops] == ["func.return"]
