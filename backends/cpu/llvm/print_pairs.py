"""Prints pairs of functions of one value as one call: sin and cos, tanh and the exponential of the logistic function.

    %s = math.sin %x : vector<16xf32>        %both = call { … } @pb.sin_cos.v16f32(<16 x float> %x)
    …                                  ->    %s = extractvalue { … } %both, 0
    %c = math.cos %x : vector<16xf32>        %c = extractvalue { … } %both, 1

Gradients make such pairs: of sin always.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.dialects import arith, math
from xdsl.ir import Operation, SSAValue

from pullback.backends.cpu.llvm.function_printer import Emitter, EmitterTable, FunctionPrinter
from pullback.backends.cpu.math.lanes import result_type


@dataclass(frozen=True)
class Member:
    """One of the two functions."""

    op: type[Operation]
    name: str
    """Its name in the math library."""
    of_minus: bool = False
    """Whether it is a member of the pair for x where it is applied to -x."""

    def argument(self, op: Operation) -> SSAValue | None:
        """The x for which this operation is this member; None if it is not."""
        if type(op) is not self.op:
            return None
        (value,) = op.operands
        if not self.of_minus:
            return value
        negation = value.owner
        return negation.operands[0] if isinstance(negation, arith.NegfOp) else None

    def of(self, x: SSAValue) -> Iterator[Operation]:
        """The operations that are this member for x."""
        for use in x.uses:
            if not self.of_minus:
                if type(use.operation) is self.op:
                    yield use.operation
            elif isinstance(use.operation, arith.NegfOp):
                yield from (
                    u.operation for u in use.operation.results[0].uses if type(u.operation) is self.op
                )


@dataclass(frozen=True)
class Pair:
    """Two functions of one argument that the math library has as one."""

    name: str
    members: tuple[Member, Member]


PAIRS = (
    Pair("sin_cos", (Member(math.SinOp, "sin"), Member(math.CosOp, "cos"))),
    Pair("tanh_exp_of_minus", (Member(math.TanhOp, "tanh"), Member(math.ExpOp, "exp", of_minus=True))),
)


def paired(pair: Pair, member: Member) -> Emitter:
    """An emitter that prints both members where the first of them is, and nothing where the other one is."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        result = op.results[0]
        if result in p.texts:
            return
        x = member.argument(op)
        both = [[]] if x is None else [[o for o in m.of(x) if o.parent is op.parent] for m in pair.members]
        if x is None or not all(both):
            p.define(result, p.library(member.name, result.type, [p.argument(op.operands[0])]))
            return
        struct = p.temporary("both", p.library(pair.name, result.type, [p.argument(x)]))
        type = result_type([result.type] * len(both))
        for at, ops in enumerate(both):
            text = p.temporary(pair.members[at].name, f"extractvalue {type} {struct}, {at}")
            for each in ops:
                p.alias(each.results[0], text)

    return emit


EMITTERS: EmitterTable = {m.op: paired(pair, m) for pair in PAIRS for m in pair.members}
