"""Prints `scf`: structured loops and branches, whose carried values are variables."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block, Operation, SSAValue

from pullback.backends.cuda.kernel_text import KernelText
from pullback.dialects.upstream.gpu import UNROLL


def print_if(text: KernelText, op: Operation) -> None:
    """`scf.if`: its results are variables that both branches assign."""
    for result in op.results:
        text.line(f"{text.types.name(result.type)} {text.names.declare(result)};")
    text.line(f"if ({text.names[op.operands[0]]}) {{", op)
    _body(text, op.regions[0].block, op.results)
    if op.regions[1].blocks and (op.results or len(op.regions[1].block.ops) > 1):
        text.line("} else {")
        _body(text, op.regions[1].block, op.results)
    text.line("}")


def print_for(text: KernelText, op: Operation) -> None:
    """`scf.for`: what it carries is in variables, which are its results after the last iteration."""
    lower, upper, step = (text.names[value] for value in op.operands[:3])
    block = op.regions[0].block
    counter, *carried = block.args
    for argument, initial, result in zip(carried, op.operands[3:], op.results, strict=True):
        name = text.names.declare(argument if argument.name_hint else result)
        text.names.bind(argument, name)
        text.names.bind(result, name)
        text.line(f"{text.types.name(argument.type)} {name} = {text.names[initial]};")
    i = text.names.declare(counter, "i")
    if UNROLL in op.attributes:
        text.line("#pragma unroll")
    elif any(inner.name == "gpu.barrier" for inner in op.walk()):
        # Trips that wait for each other gain nothing from being unrolled, and spill what they need in common.
        text.line("#pragma unroll 1")
    text.line(f"for ({text.types.name(counter.type)} {i} = {lower}; {i} < {upper}; {i} += {step}) {{", op)
    _body(text, block, carried)
    text.line("}")


def print_while(text: KernelText, op: Operation) -> None:
    """`scf.while`: both regions in one endless loop, which the condition leaves."""
    before, after = op.regions[0].block, op.regions[1].block
    for argument, initial in zip(before.args, op.operands, strict=True):
        name = text.names.declare(argument)
        text.line(f"{text.types.name(argument.type)} {name} = {text.names[initial]};")
    for result, argument in zip(op.results, after.args, strict=True):
        text.line(f"{text.types.name(result.type)} {text.names.declare(result)};")
        text.names.bind(argument, text.names[result])
    text.line("while (true) {", op)
    with text.indented():
        text.block(before)
        condition = before.last_op
        assert condition is not None
        _assign(text, op.results, condition.operands[1:])
        text.line(f"if (!{text.names[condition.operands[0]]}) break;")
    _body(text, after, before.args)
    text.line("}")


def _body(text: KernelText, block: Block, targets: Sequence[SSAValue]) -> None:
    with text.indented():
        text.block(block)
        if block.last_op is not None:
            _assign(text, targets, block.last_op.operands)


def _assign(text: KernelText, targets: Sequence[SSAValue], values: Sequence[SSAValue]) -> None:
    """Prints a parallel assignment: a value that another one overwrites is copied first."""
    names = [text.names[target] for target in targets]
    texts = [text.names[value] for value in values]
    for position, (new, value) in enumerate(zip(texts, values, strict=True)):
        if new in names[:position]:
            texts[position] = text.names.fresh(f"old_{new}")
            text.line(f"const {text.types.name(value.type)} {texts[position]} = {new};")
    for name, new in zip(names, texts, strict=True):
        if name != new:
            text.line(f"{name} = {new};")
