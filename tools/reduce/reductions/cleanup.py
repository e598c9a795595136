"""Removes, or returns, what edits left without use: operations, and arguments of functions that nothing calls."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import IsTerminator

from pullback.passes.rewriting.replacement import drop
from pullback.passes.simplify.side_effects import has_effect, updates_in
from pullback.tools.reduce.reductions.edit import entries, functions_in, may_be_argument, returned


class Cleanup:
    """Remembers what had no use before some edits: the symptom may be there, so it stays."""

    def __init__(self, module: ModuleOp) -> None:
        self._module = module
        self._kept = {op for op in module.walk() if _is_unused(op)}
        self._arguments: set[SSAValue] = {a for f in entries(module) for a in f.body.block.args if not a.uses}

    def return_lost(self) -> bool:
        """Returns what lost its last use since, from functions that nothing calls; whether there was any."""
        found = False
        for function in entries(self._module):
            ops = [op for op in function.body.block.ops if self._is_lost(op)]
            lost = [r for op in ops for r in op.results if may_be_argument(r)]
            end = returned(function)
            end.operands = [*end.operands, *lost]
            found = found or bool(lost)
        return found

    def run(self) -> None:
        """Removes what lost its last use since."""
        for function in functions_in(self._module):
            for block in function.body.blocks:
                self._sweep(block)
        for function in entries(self._module):
            block = function.body.block
            for argument in reversed(block.args):
                if argument.first_use is None and argument not in self._arguments:
                    block.erase_arg(argument)
        for function in functions_in(self._module):
            function.update_function_type()

    def _is_lost(self, op: Operation) -> bool:
        return op not in self._kept and _is_unused(op) and is_removable(op)

    def _sweep(self, block: Block) -> None:
        for op in reversed(list(block.ops)):
            if self._is_lost(op):
                drop(op)
                continue
            for region in op.regions:
                for inner in region.blocks:
                    self._sweep(inner)


def _is_unused(op: Operation) -> bool:
    return all(result.first_use is None for result in op.results)


def is_removable(op: Operation) -> bool:
    """Whether an operation whose results have no use does nothing."""
    if op.has_trait(IsTerminator, value_if_unregistered=False):
        return False
    return bool(op.results) and not has_effect(op) and not updates_in(op)
