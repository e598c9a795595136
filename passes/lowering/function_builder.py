"""Building functions of level `loops`: constants once per function, index arithmetic, loops."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeAlias

from xdsl.dialects import arith, func, scf
from xdsl.dialects.builtin import FunctionType, IndexType, IntegerAttr, StringAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from pullback.dialects.graph.op.scalar import Scalar, constant, default_properties
from pullback.dialects.graph.tensor.insertion import Insert, insert, inserting
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.upstream.scf import ParallelOp

INDEX = IndexType()
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


class FunctionBuilder:
    """A function that grows at its end; constants stand at its beginning, each once."""

    def __init__(self, name: str, argument_types: Sequence[Attribute], *, private: bool) -> None:
        self.block = Block(arg_types=argument_types)
        self.op = func.FuncOp(
            name,
            FunctionType.from_lists(list(argument_types), []),
            Region(self.block),
            visibility=StringAttr("private") if private else None,
        )
        self.place: Insert = self.block.add_op
        """Where code is being added now: the innermost loop's end."""
        self._head: list[Operation] = []
        self._constants: dict[tuple[object, ...], SSAValue] = {}
        self._numbers: dict[SSAValue, int] = {}

    def add_argument(self, type_: Attribute) -> SSAValue:
        """One more argument, after those there are."""
        types = [*self.op.function_type.inputs.data, type_]
        self.op.properties["function_type"] = FunctionType.from_lists(types, [])
        return self.block.insert_arg(type_, len(types) - 1)

    @contextmanager
    def entering(self, block: Block) -> Generator[None]:
        """While this lasts, code goes to the end of a block."""
        outside, self.place = self.place, block.add_op
        with inserting(block.add_op):
            yield
        self.place = outside

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
            op = arith.ConstantOp.create(properties={"value": index_attribute(value)}, result_types=[INDEX])
            self._head.append(op)
            self._constants[value, INDEX] = named(op.results[0], f"c{value}" if value >= 0 else "negative")
            self._numbers[op.results[0]] = value
        return self._constants[value, INDEX]

    def shared(self, key: tuple[object, ...], make: Callable[[], Operation], hint: str) -> SSAValue:
        """A value that needs no operands, made once at the beginning."""
        if key not in self._constants:
            op = make()
            self._head.append(op)
            self._constants[key] = named(op.results[0], hint)
        return self._constants[key]

    def finish(self) -> func.FuncOp:
        """The function, with its constants and its return."""
        self.block.add_op(func.ReturnOp.create())
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
        return self.op

    # ---- index arithmetic -------------------------------------------------------------------------------

    def sum_of(self, terms: Sequence[tuple[SSAValue, int]], offset: int, hint: str = "at") -> SSAValue:
        """`offset + sum(value * factor)`, of type index."""
        total: SSAValue | None = None
        for value, factor in terms:
            if value in self._numbers:
                offset += self._numbers[value] * factor
                continue
            term = value
            if factor != 1:
                term = result_of(index_op(arith.MuliOp, value, self.index(factor)), hint)
            total = term if total is None else result_of(index_op(arith.AddiOp, total, term), hint)
        if total is None:
            return self.index(offset)
        return result_of(index_op(arith.AddiOp, total, self.index(offset)), hint) if offset else total

    # ---- loops ------------------------------------------------------------------------------------------

    def loop(
        self, bounds: tuple[int, int, int], hint: str, inits: Sequence[SSAValue], body: LoopBody
    ) -> Sequence[SSAValue]:
        """`scf.for` over (lower, upper, step) that carries values; gives the last ones.

        What the body inserts elsewhere while it is built stands before the loop.
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
            insert(scf.YieldOp.create(operands=list(yielded)))
        op = scf.ForOp.create(
            operands=[*bounds, *inits], result_types=[v.type for v in inits], regions=[Region(block)]
        )
        insert(op)
        for result, value in zip(op.results, yielded, strict=True):
            result.name_hint = value.name_hint
        return op.results

    def parallel(
        self, bounds: Sequence[tuple[int, int, int]], hints: Sequence[str], body: Callable[..., None]
    ) -> None:
        """`scf.parallel` over several (lower, upper, step); `body` takes the induction variables."""
        block = Block(arg_types=[INDEX] * len(bounds))
        for argument, hint in zip(block.args, hints, strict=True):
            argument.name_hint = hint
        with self.entering(block):
            body(*block.args)
            insert(scf.ReduceOp.create())
        lower, upper, step = ([self.index(b[i]) for b in bounds] for i in range(3))
        insert(ParallelOp(lower, upper, step, Region(block)))


@lru_cache(maxsize=1 << 12)
def index_attribute(value: int) -> IntegerAttr[IndexType]:
    """A number of type index, the same object for equal ones."""
    return IntegerAttr(value, INDEX)


def index_op(op: type[Operation], *operands: SSAValue) -> Operation:
    """An `arith` operation on indices."""
    return op.create(operands=operands, result_types=[INDEX], properties=default_properties(op))  # pyright: ignore[reportArgumentType]
