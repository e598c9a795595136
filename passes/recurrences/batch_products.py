"""`batch-products`: products that a loop makes row by row become one product of all rows, before or behind the loop.

Recurrences are written step by step. What a step makes of its input alone is the same product for every step, and the
gradient of weights is a sum over steps: as one product each they are large enough to be packed once, and for
several cores. `row_products` and `summed_products` have the rules.

The sum over steps is in another order than before, so results may differ by rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.passes.recurrences.row_products import batch_row_products
from pullback.passes.recurrences.summed_products import batch_summed_products
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.canonicalize import settled_functions
from pullback.passes.simplify.dce import remove_dead


@dataclass(frozen=True)
class BatchProducts(ModulePass):
    """Makes one matrix product of those of all trips of a loop whose trips are known.

    Of rows that the trips read from a sequence, by a matrix from outside, before the loop; of a^T @ b that the trips
    add up, behind it. Extents must be static.
    """

    name = "batch-products"
    anchor = "func.func"
    batched = Statistic("products that were taken out of loops")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in settled_functions(op):
            loops = operations_of_class(While, function)
            found = 0
            for loop in reversed(loops):  # inner ones first: what they give to outer ones may go further
                found += batch_row_products(loop) + batch_summed_products(loop)
            if found:
                BatchProducts.batched.add(found)
                remove_dead(function)
