"""Random programs composed of the examples that all operations state, those of plug-ins included."""

from __future__ import annotations

import re

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from pullback.dialects.context import context
from pullback.dialects.graph.examples import ARGUMENTS, EXAMPLES, INSIDE_OTHERS, spelled_out
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module

_MADE = {
    "%w": '%w = graph.variable {variable = "w"} : !graph.ref<MATRIX>',
    "%p": "%p = graph.make_slices %d, %i : (tensor<4x3xf32>, tensor<4xi32>) -> SLICES",
    "%k": "%none = graph.empty_stack : STACK\n  %k = graph.push %none, %v : (STACK, VECTOR) -> STACK",
}
"""The arguments of examples that no array is a value of, and how programs make them."""
_GIVEN = ", ".join(
    part for part in re.split(r",\s+", ARGUMENTS) if part.partition(":")[0].strip() not in _MADE
)


def composed_program(rng: np.random.Generator) -> str:
    """The text of a function of a few examples; operands are exchanged for earlier values of the same type."""
    names = [name for name in EXAMPLES if name not in INSIDE_OTHERS and name != "graph.gradients"]
    lines: list[str] = []
    for at in range(int(rng.integers(1, 7))):
        examples = EXAMPLES[str(rng.choice(names))]
        example = str(examples[int(rng.integers(len(examples)))])
        lines.append(example.replace("%r", f"%r{at}", 1) if example.startswith("%r") else example)
    body = "\n  ".join([*_MADE.values(), *lines])
    text = spelled_out(f"func.func @main({_GIVEN}) {{\n  {body}\n  func.return\n}}")
    module = parse(context(), text).module
    (function,) = (op for op in module.ops if isinstance(op, func.FuncOp))
    _rewire(function, rng)
    _drop_unused_arguments(function)
    return print_module(module)


def _rewire(function: func.FuncOp, rng: np.random.Generator) -> None:
    block = function.body.block
    known: list[SSAValue] = list(block.args)
    results: list[SSAValue] = []
    last = block.last_op
    assert last is not None
    for op in block.ops:
        if op is last:
            break
        for place, operand in enumerate(op.operands):
            fitting = [v for v in results if v.type == operand.type]
            if fitting and rng.random() < 0.6:
                op.operands[place] = fitting[int(rng.integers(len(fitting)))]
        known += op.results
        results += op.results
    returned = [v for v in results if isinstance(v.type, TensorType)]
    block.insert_op_before(func.ReturnOp(*returned), last)
    last.detach()
    last.erase()
    function.update_function_type()


def _drop_unused_arguments(function: func.FuncOp) -> None:
    block = function.body.block
    for argument in list(block.args):
        if not argument.uses:
            block.erase_arg(argument)
    function.update_function_type()
