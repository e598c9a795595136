"""Functions of mathematics that an operation and its gradient both take: of one argument, so that LLVM computes one."""

from __future__ import annotations

import pytest
from xdsl.dialects import arith
from xdsl.ir import BlockArgument, Operation, SSAValue

import pullback as pb


def expression(value: SSAValue) -> str:
    """What a value is computed from, as text; loads by their number."""
    op = value.owner
    if isinstance(value, BlockArgument) or not isinstance(op, Operation):
        return "argument"
    operands = ", ".join(map(expression, op.operands)) if op.name.startswith(("arith", "math")) else ""
    number = str(op.properties.get("value")) if isinstance(op, arith.ConstantOp) else ""
    return f"{op.name}({number}{operands})"


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_gelu_and_its_gradient(approximate: bool, dtype: str) -> None:
    with pb.Graph():
        x = pb.placeholder(dtype, (64,))
        y = pb.gelu(x, approximate=approximate)
        step = pb.compile([x], [y, *pb.gradients(y, [x])], target="cpu")
    kind = "math.tanh" if approximate else "math.erfc"
    found = [op for op in step.module("loops").op.walk() if op.name == kind]
    assert len(found) >= 2
    assert len({expression(op.operands[0]) for op in found}) == 1
