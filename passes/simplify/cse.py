"""`cse`: common subexpression elimination, by value numbering over nested blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Block, Operation
from xdsl.passes import ModulePass
from xdsl.traits import IsolatedFromAbove

from pullback.dialects.graph.elementwise.basic import Add, Multiply
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.variables import ReadsVariable, Update
from pullback.passes.rewriting.replacement import Replacements
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.canonicalize import settled_functions
from pullback.passes.simplify.side_effects import has_effect, is_pure, label_of, updates_in

Key: TypeAlias = tuple[object, ...]

COMMUTATIVE = (Add, Multiply)
"""a op b and b op a have the same bits."""


@dataclass(frozen=True)
class CommonSubexpressions(ModulePass):
    """Merges equal operations, and reads of a variable between which nothing updates it.

    Linear in the operands of all operations. A region sees what was computed before it, not the other way round.
    A function that still asks for gradients stays as it is: see `canonicalize`.
    """

    name = "cse"
    anchor = "func.func"
    merged = Statistic("operations that were replaced by an equal one")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in settled_functions(op):
            merge_equal(function)


def merge_equal(function: func.FuncOp) -> None:
    """Eliminates the common subexpressions of one function."""
    walk = _ValueNumbering()
    for block in function.body.blocks:
        walk.number_block(block, [])
    CommonSubexpressions.merged.add(len(walk.replacements.replaced))
    walk.replacements.drop_replaced()


class _ValueNumbering:
    """Value numbering: equal operations on equal operands have equal results."""

    def __init__(self) -> None:
        self.replacements = Replacements()
        self.attributes = _Interned()
        self.epochs: dict[str | None, int] = {}

    def number_block(self, block: Block, outer: list[dict[Key, Operation]]) -> None:
        """Numbers the values of a block; `outer` are the tables of the blocks around it, whose values dominate it."""
        own: dict[Key, Operation] = {}
        visible = [*outer, own]
        for op in list(block.ops):
            self.replacements.update(op)
            cls = type(op)
            if not op.regions and (is_pure(cls) or issubclass(cls, ReadsVariable)):
                key = self.key_of(op)
                known = next((t[key] for t in visible if key in t), None)
                if known is None:
                    own[key] = op
                else:
                    self.replacements.replace(op, known.results)
            elif isinstance(op, Update):
                self.begin_epoch({label_of(op.operands[0])})
            elif op.regions:
                self.number_regions(op, visible)
            elif has_effect(op):
                self.begin_epoch({None})

    def number_regions(self, op: Operation, visible: list[dict[Key, Operation]]) -> None:
        """Numbers regions. Reads in a loop match none outside, nor each other's: it runs again after its updates."""
        sees_outside = not isinstance(op, Kernel) and not op.has_trait(
            IsolatedFromAbove, value_if_unregistered=False
        )
        changed = updates_in(op)
        for region in op.regions:
            self.begin_epoch(changed)
            for block in region.blocks:
                self.number_block(block, visible if sees_outside else [])
        self.begin_epoch(changed)

    def begin_epoch(self, changed: set[str | None]) -> None:
        """Later reads of these variables may see other contents than earlier ones."""
        for label in changed:
            self.epochs[label] = self.epochs.get(label, 0) + 1

    def key_of(self, op: Operation) -> Key:
        """The value number's key: equal for operations with equal results."""
        cls = type(op)
        intern = self.attributes.number
        operands = [id(v) for v in op._operands]  # pyright: ignore[reportPrivateUsage]  no view
        if cls in COMMUTATIVE:
            operands.sort()
        key: list[object] = [cls, len(operands), *operands]
        key.extend(intern(r.type) for r in op.results)
        for attributes in (op.properties, op.attributes):
            for name in sorted(attributes) if len(attributes) > 1 else attributes:
                key += (name, intern(attributes[name]))
        if issubclass(cls, ReadsVariable):
            label = label_of(op._operands[0])  # pyright: ignore[reportPrivateUsage]
            any_update = sum(self.epochs.values()) if label is None else self.epochs.get(label, 0)
            key += (any_update, self.epochs.get(None, 0))
        return tuple(key)


class _Interned:
    """Interns attributes as numbers. Most are one object many times, and hashing them costs more than this."""

    def __init__(self) -> None:
        self._by_identity: dict[int, tuple[int, Attribute]] = {}
        self._by_value: dict[Attribute, int] = {}

    def number(self, attribute: Attribute) -> int:
        known = self._by_identity.get(id(attribute))
        if known is None:
            number = self._by_value.setdefault(attribute, len(self._by_value))
            # The attribute is kept, so that its identity stays its own.
            known = self._by_identity[id(attribute)] = (number, attribute)
        return known[0]
