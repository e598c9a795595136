"""Building code: constants once at its beginning, index arithmetic, loops, branches.

For the body of a loop over rows

    for each row i:  y[4 * i + 1] = x[4 * i + 1] * 2.0

`number(2.0, f32)` and `index(4)`, asked for inside of the loop, are made once, at the beginning of the function, and
`sum_of([(i, 4)], 1)` adds what is left to compute where it is asked for:

    %cst = arith.constant 2.000000e+00 : f32
    %c4 = arith.constant 4 : index
    %c1 = arith.constant 1 : index
    scf.for %i = … {
      %at = arith.muli %i, %c4 : index
      %at_1 = arith.addi %at, %c1 : index

What is computed from equal indices is computed once, as far as it is visible: the store has the same `%at_1`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeAlias

from xdsl.dialects import arith, scf, vector
from xdsl.dialects.builtin import IndexType, IntegerAttr, LocationAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.op.scalar import Scalar, constant, default_properties
from pullback.dialects.graph.tensor.insertion import Insert, insert, inserting
from pullback.dialects.graph.tensor.location import is_unknown
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.lowering.visible_values import VisibleValues

INDEX = IndexType()
Term: TypeAlias = tuple[SSAValue, int]
"""An index and its factor."""
LoopBody: TypeAlias = Callable[[SSAValue, Sequence[SSAValue]], Sequence[SSAValue]]
"""Builds one iteration from the induction variable and the carried values; gives the next ones."""


def named(value: SSAValue, hint: str) -> SSAValue:
    """The value, with a name for readers."""
    value.name_hint = hint
    return value


def result_of(op: Operation, hint: str | None = None) -> SSAValue:
    """Inserts an operation and gives its only result."""
    insert(op)
    return named(op.results[0], hint) if hint else op.results[0]


def located(value: Scalar, location: LocationAttr) -> Scalar:
    """The value, whose code states the origin of what it computes; constants and earlier values stay as they are."""
    op = value.value.owner
    if isinstance(op, Operation) and op.parent is not None and is_unknown(op.location):
        op.location = location
    return value


def combine(op: Reduction, a: Scalar, b: Scalar) -> Scalar:
    """Combines two terms of a reduction, and states that it is the origin of the code."""
    return located(type(op).COMBINE(a, b), op.location)


def splat(value: Scalar, count: int) -> Scalar:
    """The same value in every lane of a vector."""
    op = new_operation(
        vector.BroadcastOp, operands=[value.value], result_types=[vector_type(value.type, count)]
    )
    return Scalar(result_of(op, value.value.name_hint))


def both(a: Scalar, b: Scalar) -> Scalar:
    """Tells where two conditions hold, for one value or for lanes."""
    return Scalar(
        result_of(new_operation(arith.AndIOp, operands=[a.value, b.value], result_types=[a.type]), "inside")
    )


class CodeBuilder:
    """Code that grows at the end of a block; constants go to its beginning, each once."""

    def __init__(self, argument_types: Sequence[Attribute]) -> None:
        self.block = Block(arg_types=argument_types)
        self.insertion_point: Insert = self.block.add_op
        """The insertion point of code: the innermost loop's end."""
        self._head: list[Operation] = []
        self._constants: dict[tuple[object, ...], SSAValue] = {}
        self._numbers: dict[SSAValue, int] = {}
        self._visible = VisibleValues(self.insertion_point)

    @contextmanager
    def entering(self, block: Block) -> Generator[None]:
        """While this lasts, code goes to the end of a block."""
        outside, self.insertion_point = self.insertion_point, block.add_op
        with self._visible.inside(outside, block.add_op), inserting(block.add_op):
            yield
        self.insertion_point = outside

    def number(self, value: Number, type_: Attribute) -> Scalar:
        """A constant of a scalar or vector type."""
        # 0 and 0.0 are equal, and one constant; -0.0 is another.
        key = (value, str(value).startswith("-"), type_)
        if key not in self._constants:
            with inserting(self._head.append):
                self._constants[key] = constant(value, type_).value
        return Scalar(self._constants[key])

    def index(self, value: int) -> SSAValue:
        """A constant of type index."""
        if (value, INDEX) not in self._constants:
            op = new_operation(
                arith.ConstantOp, properties={"value": index_attribute(value)}, result_types=[INDEX]
            )
            self._head.append(op)
            self._constants[value, INDEX] = named(op.results[0], f"c{value}" if value >= 0 else "negative")
            self._numbers[op.results[0]] = value
        return self._constants[value, INDEX]

    def once(self, key: tuple[object, ...], make: Callable[[], Operation], hint: str) -> SSAValue:
        """A value that needs no operands, made once at the beginning."""
        if key not in self._constants:
            op = make()
            self._head.append(op)
            self._constants[key] = named(op.results[0], hint)
        return self._constants[key]

    def end_with(self, terminator: Operation) -> None:
        """Ends the block, and puts those constants that are used at its beginning."""
        self.block.add_op(terminator)
        first = self.block.first_op
        assert first is not None
        used: list[Operation] = []
        for op in reversed(self._head):
            if any(True for r in op.results for _ in r.uses):
                used.append(op)
            else:
                op.drop_all_references()
        if used:
            self.block.insert_ops_before(used[::-1], first)

    # ---- index arithmetic -------------------------------------------------------------------------------

    def on_indices(self, kind: type[Operation], a: SSAValue, b: SSAValue, hint: str | None) -> SSAValue:
        """An `arith` operation on two indices, or the value of an equal one that is visible."""
        key = kind, id(a), id(b)
        value = self._visible.find(key)
        if value is None:
            value = result_of(index_op(kind, a, b), hint)
            self._visible.add(key, value)
        return value

    def sum_of(self, terms: Iterable[Term], offset: int, hint: str = "at") -> SSAValue:
        """`offset + sum(value * factor)`, of type index."""
        total: SSAValue | None = None
        for value, factor in terms:
            if value in self._numbers:
                offset += self._numbers[value] * factor
                continue
            term = self.product(value, factor, hint)
            total = term if total is None else self.on_indices(arith.AddiOp, total, term, hint)
        if total is None:
            return self.index(offset)
        return self.on_indices(arith.AddiOp, total, self.index(offset), hint) if offset else total

    def product(self, value: SSAValue, factor: int, hint: str | None = None) -> SSAValue:
        """`value * factor`."""
        return value if factor == 1 else self.on_indices(arith.MuliOp, value, self.index(factor), hint)

    def quotient(self, value: SSAValue, divisor: int, hint: str | None = None) -> SSAValue:
        """`value / divisor`, of a number that is not negative."""
        return value if divisor == 1 else self.on_indices(arith.DivUIOp, value, self.index(divisor), hint)

    def remainder(self, value: SSAValue, divisor: int, hint: str | None = None) -> SSAValue:
        """`value % divisor`, of a number that is not negative."""
        if divisor == 1:
            return self.index(0)
        return self.on_indices(arith.RemUIOp, value, self.index(divisor), hint)

    def least(self, a: SSAValue, b: SSAValue, hint: str = "end") -> SSAValue:
        """The smaller of two numbers that are not negative."""
        return self.on_indices(arith.MinUIOp, a, b, hint)

    def greatest(self, a: SSAValue, b: SSAValue, hint: str = "start") -> SSAValue:
        """The larger of two numbers that are not negative."""
        return self.on_indices(arith.MaxUIOp, a, b, hint)

    def at_most(self, value: SSAValue, limit: int, hint: str = "end") -> SSAValue:
        """The smaller of an index and a number."""
        if value in self._numbers:
            return self.index(min(self._numbers[value], limit))
        return self.least(value, self.index(limit), hint)

    def is_before(self, value: SSAValue, end: int) -> SSAValue:
        """Tells whether an index is before a number."""
        return result_of(CmpiOp(value, self.index(end), "slt"), "exists")

    def is_within(self, value: SSAValue, end: int) -> SSAValue:
        """Tells whether an index, which may be negative, is from 0 on and before a number."""
        return result_of(CmpiOp(value, self.index(end), "ult"), "inside")

    def is_from(self, value: SSAValue, start: SSAValue) -> SSAValue:
        """Tells whether an index is another one, or behind it."""
        return result_of(CmpiOp(value, start, "sge"), "is_new")

    def minus(self, a: SSAValue, b: SSAValue, hint: str = "left") -> SSAValue:
        """The difference of two indices."""
        if b in self._numbers:
            return self.sum_of([(a, 1)], -self._numbers[b], hint)
        return self.on_indices(arith.SubiOp, a, b, hint)

    # ---- loops and branches -----------------------------------------------------------------------------

    def loop(
        self, bounds: tuple[int, int, int], hint: str, inits: Sequence[SSAValue], body: LoopBody
    ) -> Sequence[SSAValue]:
        """`scf.for` over (lower, upper, step) that carries values; gives the last ones.

        What the body inserts elsewhere while it is built comes before the loop.
        """
        lower, upper, step = map(self.index, bounds)
        return self.loop_between((lower, upper, step), hint, inits, body)

    def loop_between(
        self,
        bounds: tuple[SSAValue, SSAValue, SSAValue],
        hint: str,
        inits: Sequence[SSAValue],
        body: LoopBody,
    ) -> Sequence[SSAValue]:
        """`loop` with bounds that are values."""
        block = Block(arg_types=[INDEX, *(v.type for v in inits)])
        named(block.args[0], hint)
        for argument, init in zip(block.args[1:], inits, strict=True):
            argument.name_hint = init.name_hint
        with self.entering(block):
            yielded = body(block.args[0], block.args[1:])
            insert(new_operation(scf.YieldOp, operands=list(yielded)))
        op = new_operation(
            scf.ForOp,
            operands=[*bounds, *inits],
            result_types=[v.type for v in inits],
            regions=[Region(block)],
        )
        insert(op)
        for result, value in zip(op.results, yielded, strict=True):
            result.name_hint = value.name_hint
        return op.results

    def when(
        self, condition: SSAValue, body: Callable[[], None], otherwise: Callable[[], None] | None = None
    ) -> None:
        """`scf.if` without results."""
        regions: list[Region] = []
        for branch in (body, otherwise):
            if branch is None:
                regions.append(Region())
                continue
            block = Block()
            with self.entering(block):
                branch()
                insert(new_operation(scf.YieldOp))
            regions.append(Region(block))
        insert(new_operation(scf.IfOp, operands=[condition], regions=regions))

    def choice(
        self,
        condition: SSAValue,
        then: Callable[[], Scalar],
        otherwise: Callable[[], Scalar],
        hint: str | None = None,
    ) -> Scalar:
        """`scf.if` that gives the value of the branch that is taken."""
        regions: list[Region] = []
        result: Attribute | None = None
        for branch in (then, otherwise):
            block = Block()
            with self.entering(block):
                value = branch()
                insert(new_operation(scf.YieldOp, operands=[value.value]))
            regions.append(Region(block))
            result = value.type
        assert result is not None
        op = new_operation(scf.IfOp, operands=[condition], result_types=[result], regions=regions)
        return Scalar(result_of(op, hint))


@lru_cache(maxsize=1 << 12)
def index_attribute(value: int) -> IntegerAttr[IndexType]:
    """A number of type index, the same object for equal ones."""
    return IntegerAttr(value, INDEX)


def index_op(op: type[Operation], *operands: SSAValue) -> Operation:
    """An `arith` operation on indices."""
    return new_operation(op, operands=operands, result_types=[INDEX], properties=default_properties(op))  # pyright: ignore[reportArgumentType]
