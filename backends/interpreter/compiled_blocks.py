"""Compiles functions to closures for interpretation: one per op, over the slots of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import IsTerminator

from pullback.backends.interpreter.execution_error import ExecutionError, describe
from pullback.backends.interpreter.integer_meanings import DIVISIONS
from pullback.backends.interpreter.numpy_dtypes import Value
from pullback.backends.interpreter.scalar_meanings import Function, Meaning
from pullback.dialects.ir.diagnostics import DiagnosticError, UnsupportedError

Environment: TypeAlias = list[Value]
"""The values of one call, by slot."""
Step: TypeAlias = Callable[[Environment], None]


class CompiledBlock(NamedTuple):
    """A block: the slots of its arguments, its steps, and the slots of what its terminator passes on."""

    arguments: tuple[int, ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]

    def run(self, environment: Environment, values: Sequence[Value] = ()) -> None:
        """Bind `values` to the arguments and execute."""
        for slot, value in zip(self.arguments, values, strict=True):
            environment[slot] = value
        for step in self.steps:
            step(environment)

    def outcome(self, environment: Environment) -> list[Value]:
        """The values of the terminator's operands, after `run`."""
        return [environment[slot] for slot in self.results]


class Compiler:
    """Compiles the blocks of one function; `builders` makes the step of an op, by the op's name."""

    def __init__(self, builders: Mapping[str, StepBuilder]) -> None:
        self.builders = builders
        self._slots: dict[SSAValue, int] = {}

    @property
    def size(self) -> int:
        """The number of slots of this function's environment."""
        return len(self._slots)

    def slot(self, value: SSAValue) -> int:
        return self._slots.setdefault(value, len(self._slots))

    def slots(self, values: Sequence[SSAValue]) -> tuple[int, ...]:
        return tuple(self.slot(value) for value in values)

    def block(self, block: Block) -> CompiledBlock:
        """Raises UnsupportedError for an op without a builder."""
        arguments = self.slots(block.args)
        steps = tuple(self.step(op) for op in block.ops if not op.has_trait(IsTerminator))
        last = block.last_op
        return CompiledBlock(arguments, steps, self.slots(last.operands) if last is not None else ())

    def step(self, op: Operation) -> Step:
        builder = self.builders.get(op.name)
        if builder is None:
            raise UnsupportedError(f"{describe(op)}: the interpreter does not know this op", op)
        try:
            return builder(self, op)
        except DiagnosticError as error:
            error.op = error.op or op
            raise


StepBuilder: TypeAlias = Callable[[Compiler, Operation], Step]


def computation(meaning: Meaning) -> StepBuilder:
    """A builder of steps for pure ops of one result."""

    def build(compiler: Compiler, op: Operation) -> Step:
        function = meaning(op)
        if op.name in DIVISIONS:
            function = _checked_division(op, function)
        operands, result = compiler.slots(op.operands), compiler.slot(op.results[0])
        match operands:
            case (a,):

                def unary(environment: Environment) -> None:
                    environment[result] = function(environment[a])

                return unary
            case (a, b):

                def binary(environment: Environment) -> None:
                    environment[result] = function(environment[a], environment[b])

                return binary
            case _:

                def variadic(environment: Environment) -> None:
                    environment[result] = function(*[environment[slot] for slot in operands])

                return variadic

    return build


def _checked_division(op: Operation, function: Function) -> Function:
    def divide(a: Value, b: Value) -> Value:
        if not b.all():
            raise ExecutionError(op, "division by zero")
        return function(a, b)

    return divide


def segments(op: Operation) -> list[list[SSAValue]]:
    """The operands of an op with several variadic groups, group by group."""
    sizes = op.properties.get("operandSegmentSizes") or op.attributes["operandSegmentSizes"]
    assert isinstance(sizes, DenseArrayBase)
    groups: list[list[SSAValue]] = []
    start = 0
    for size in sizes.get_values():
        groups.append(list(op.operands[start : start + int(size)]))
        start += int(size)
    return groups


def mixed_indices(
    compiler: Compiler, static: object, dynamic: Sequence[SSAValue]
) -> Callable[[Environment], tuple[int, ...]]:
    """Combines static indices of an attribute with dynamic ones, operands, where the attribute says `?`."""
    assert isinstance(static, DenseArrayBase)
    numbers = [int(number) for number in static.get_values()]
    slots = compiler.slots(dynamic)

    def indices(environment: Environment) -> tuple[int, ...]:
        rest = iter(slots)
        return tuple(int(environment[next(rest)]) if n == DYNAMIC_INDEX else n for n in numbers)

    return indices
