"""Index arithmetic that a builder makes: each value once, as far as it is visible."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.verification import verify
from pullback.passes.lowering.code_builder import INDEX
from pullback.passes.lowering.function_builder import FunctionBuilder


def test_equal_index_arithmetic_is_made_once_where_it_is_visible() -> None:
    builder = FunctionBuilder("f", [INDEX, INDEX], private=False)
    a, b = builder.block.args
    made: list[SSAValue] = []

    def inner(at: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
        made.append(builder.sum_of([(a, 4), (at, 1)], 0))
        made.append(builder.sum_of([(a, 4), (at, 1)], 0))
        return []

    with builder.entering(builder.block):
        made.append(builder.product(a, 4))
        made.append(builder.product(a, 4))
        builder.loop((0, 8, 1), "i", [], inner)
        builder.loop((0, 8, 1), "i", [], inner)
        made.append(builder.product(b, 4))
    function = builder.finish()
    verify(ModuleOp([function]))
    first, again, in_loop, in_loop_again, in_other, in_other_again, other = made
    assert first is again
    assert in_loop is in_loop_again
    assert in_other is in_other_again
    assert in_loop is not in_other, "one loop does not see what is in another"
    assert other is not first
    kinds = [type(op) for op in operations_within(function)]
    assert kinds.count(arith.MuliOp) == 2
    assert kinds.count(arith.AddiOp) == 2
