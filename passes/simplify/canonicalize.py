"""`canonicalize`: folds operations to simpler ones of the same value, in one forward walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.rewriting.replacement import Replacements
from pullback.passes.rewriting.same_device import place_like
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.folds import folds_of
from pullback.passes.simplify.matching import Fold

FoldsOf: TypeAlias = Callable[[type[Operation]], Sequence[Fold]]
"""The folds of an operation class, in the order in which they are tried."""


@dataclass(frozen=True)
class Canonicalize(ModulePass):
    """Folds operations of the graph dialect: neutral elements, constants, static shapes, movements that cancel.

    A function that still asks for gradients stays as it is, with all that it calls: a gradient with respect to a
    value means that value and no other, and `stop_gradient` has work to do. Otherwise `identity` and
    `stop_gradient` go.
    """

    name = "canonicalize"
    anchor = "func.func"
    folded = Statistic("operations that became simpler ones, or values that were there")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in settled_functions(op):
            canonicalize(function)


def settled_functions(module: ModuleOp) -> list[func.FuncOp]:
    """The functions without a request for gradients, in them or in a function that calls them."""
    functions = {o.sym_name.data: o for o in module.ops if isinstance(o, func.FuncOp)}
    asking: set[str] = set()
    work = [name for name, f in functions.items() if any(type(o) is Gradients for o in operations_within(f))]
    while work:
        name = work.pop()
        if name in functions and name not in asking:
            asking.add(name)
            calls = (o for o in operations_within(functions[name]) if isinstance(o, func.CallOp))
            work.extend(call.callee.root_reference.data for call in calls)
    return [f for name, f in functions.items() if name not in asking]


def canonicalize(function: func.FuncOp) -> None:
    """Folds the operations of a function; dead ones are left to `dce`."""
    Canonicalize.folded.add(_fold(function, folds_of))


def apply_folds(root: Operation, table: Mapping[type[Operation], Sequence[Fold]]) -> int:
    """Rewrites the operations in the regions of another by folds, in one forward walk; dead ones are left to `dce`.

    A fold is a function from an operation to what replaces its results, a tensor or several, or to `None`. What it
    makes with operators on tensors is inserted before the operation, with its location and device, and folded as well.

    Args:
        root: a module, a function, or anything else with regions.
        table: the folds of each operation class, in the order in which they are tried.

    Returns:
        How many operations were replaced.
    """
    return _fold(root, lambda cls: table.get(cls, ()))


def _fold(root: Operation, folds_of: FoldsOf) -> int:
    walk = _FoldWalk(folds_of)
    with inserting(walk.insert):
        for region in root.regions:
            for block in region.blocks:
                walk.simplify_block(block)
    replaced = len(walk.replacements.replaced)
    walk.replacements.drop_replaced()
    return replaced


class _FoldWalk:
    """One forward walk, which folds operands before their users."""

    def __init__(self, folds_of: FoldsOf) -> None:
        self.folds_of = folds_of
        self.replacements = Replacements()
        self.anchor: Operation | None = None
        self.first_made: Operation | None = None

    def insert(self, op: Operation) -> None:
        """Inserts a new operation before the one that it replaces, with its location and device."""
        anchor = self.anchor
        assert anchor is not None
        assert anchor.parent is not None
        op.location = anchor.location
        place_like(op, anchor)
        anchor.parent.insert_op_before(op, anchor)
        if self.first_made is None:
            self.first_made = op

    def simplify_block(self, block: Block) -> None:
        op = block.first_op
        while op is not None:
            op = self.simplify(op)

    def simplify(self, op: Operation) -> Operation | None:
        """Folds one operation if possible; returns the next one to visit."""
        self.replacements.update(op)
        following = op.next_op
        for fold in self.folds_of(type(op)):
            self.anchor, self.first_made = op, None
            folded = fold(op)
            if folded is not None:
                values = [folded] if isinstance(folded, Tensor) else folded
                self.replacements.replace(op, [t.value for t in values])
                return self.first_made or following
        for region in op.regions:
            for block in region.blocks:
                self.simplify_block(block)
        return following
