"""Prints pairs of functions of one value as one call: sin and cos, sinh and cosh.

    %s = math.sin %x : vector<16xf32>        %both = call { … } @pb.sin_cos.v16f32(<16 x float> %x)
    …                                  ->    %s = extractvalue { … } %both, 0
    %c = math.cos %x : vector<16xf32>        %c = extractvalue { … } %both, 1

Gradients make such pairs: of sin and sinh always.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import math
from xdsl.ir import Operation

from pullback.backends.cpu.llvm.function_printer import Emitter, EmitterTable, FunctionPrinter
from pullback.backends.cpu.math.lanes import result_type


@dataclass(frozen=True)
class Pair:
    """Two functions of one argument that the math library has as one."""

    name: str
    members: tuple[tuple[type[Operation], str], tuple[type[Operation], str]]
    """The operations, and their names in the math library."""


PAIRS = (
    Pair("sin_cos", ((math.SinOp, "sin"), (math.CosOp, "cos"))),
    Pair("sinh_cosh", ((math.SinhOp, "sinh"), (math.CoshOp, "cosh"))),
)


def paired(pair: Pair, alone: str) -> Emitter:
    """An emitter that prints both members where the first of them is, and nothing where the other one is.

    `alone` is the function of a member whose partner is missing.
    """

    def emit(p: FunctionPrinter, op: Operation) -> None:
        result = op.results[0]
        if result in p.texts:
            return
        (x,) = op.operands
        here = [use.operation for use in x.uses if use.operation.parent is op.parent]
        both = [[o for o in here if type(o) is member] for member, _ in pair.members]
        if not all(both):
            p.define(result, p.library(alone, result.type, [p.argument(x)]))
            return
        struct = p.temporary("both", p.library(pair.name, result.type, [p.argument(x)]))
        type_of_both = result_type([result.type] * len(both))
        for at, (ops, (_, name)) in enumerate(zip(both, pair.members, strict=True)):
            text = p.temporary(name, f"extractvalue {type_of_both} {struct}, {at}")
            for each in ops:
                p.alias(each.results[0], text)

    return emit


EMITTERS: EmitterTable = {member: paired(pair, name) for pair in PAIRS for member, name in pair.members}
