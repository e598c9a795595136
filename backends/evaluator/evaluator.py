"""The reference evaluator: runs graph functions (levels 1 to 3) operation by operation on NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.variables import Update, VariableOp
from pullback.dialects.graph.tensor.location import name_of
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    numpy_dtype,
    shape_of_type,
)
from pullback.dialects.ir.calls import called_function
from pullback.dialects.ir.diagnostics import DiagnosticError, UnsupportedError
from pullback.process.interrupts import Progress

Array = npt.NDArray[Any]
Variables = Mapping[str, Array]


class EvaluationError(DiagnosticError, GraphError):
    """An operation cannot be run on the values that reach it."""


class NotOfTheGraphError(EvaluationError, UnsupportedError):
    """An operation of another dialect, which has no meaning on NumPy arrays here."""


def evaluate(
    function: func.FuncOp,
    inputs: Sequence[Array],
    variables: Variables | None = None,
    feeds: Mapping[SSAValue, Array] | None = None,
    progress: Progress | None = None,
) -> list[Any]:
    """Runs a graph function; returns its results.

    Args:
        function: of level `gradients`, `graph` or `kernels`, of one block.
        inputs: one array per argument, of its dtype and a shape that fits its type.
        variables: the contents of each `graph.variable` by name; updates change these arrays.
        feeds: values to take as given instead of computing them.
        progress: is told which variables change, and asked to end the run where it may stop.

    Raises:
        GraphError: for inputs that do not fit, a missing variable, an operation that cannot be run here.
    """
    block = function.body.block
    if len(inputs) != len(block.args):
        raise GraphError(f"{function.sym_name.data}: {len(inputs)} inputs for {len(block.args)} arguments")
    for i, (array, argument) in enumerate(zip(inputs, block.args, strict=True)):
        check_array(array, argument.type, f"input {i} of {function.sym_name.data}")
    with np.errstate(all="ignore"):
        return Evaluator(variables or {}, feeds or {}, progress=progress).run_block(block, inputs)


def check_array(array: Array, type_: Attribute, what: str) -> None:
    """`GraphError` where an array is no value of a tensor type."""
    expected = numpy_dtype(element_type_of(type_))
    if array.dtype != expected:
        raise GraphError(f"{what}: dtype {array.dtype}, expected {expected}")
    if not compatible_shapes(array.shape, shape_of_type(type_)):
        raise GraphError(f"{what}: shape {array.shape}, expected {type_}")


class Evaluator:
    """One run, under `np.errstate(all="ignore")`: the live values, and the variables."""

    def __init__(
        self,
        variables: Variables,
        feeds: Mapping[SSAValue, Array],
        within: Sequence[func.FuncOp] = (),
        progress: Progress | None = None,
    ) -> None:
        self.variables = variables
        self.feeds = feeds
        self.within = within
        """The functions called that this run is part of."""
        self.progress = progress
        self.values: dict[SSAValue, Any] = dict(feeds)
        self._dying: dict[Block, dict[Operation, list[SSAValue]]] = {}

    def run_region(self, region: Region, arguments: Sequence[Any]) -> list[Any]:
        return self.run_block(region.block, arguments)

    def run_block(self, block: Block, arguments: Sequence[Any]) -> list[Any]:
        """Runs a block on these arguments; gives the operands of its terminator."""
        dying = self._dying.get(block)
        if dying is None:
            dying = self._dying[block] = last_uses(block)
        self.values.update((k, v) for k, v in zip(block.args, arguments, strict=True) if k not in self.feeds)
        last, progress = block.last_op, self.progress
        for op in block.ops:
            if op is last:
                break
            if progress is not None:
                progress.poll()
            self.run(op)
            for value in dying.get(op, ()):
                self.values.pop(value, None)
        return [self.values[v] for v in last.operands] if last is not None else []

    def run(self, op: Operation) -> None:
        if self.feeds and op.results and all(r in self.feeds for r in op.results):
            return
        operands = [self.values[v] for v in op.operands]
        for result, value in zip(op.results, self.results(op, operands), strict=True):
            if result not in self.feeds:
                self.values[result] = value

    def results(self, op: Operation, operands: Sequence[Any]) -> Sequence[Any]:
        match op:
            case VariableOp():
                return [self.contents(op)]
            case While():
                return self.loop(op, operands)
            case Kernel():
                return op.run(operands, self.run_region)
            case Update() if self.progress is not None:
                self.progress.changes(next(n for n, a in self.variables.items() if a is operands[0]))
                return compute(op, operands)
            case GraphOp():
                return compute(op, operands)
            case func.CallOp():
                return self.call(op, operands)
            case _:
                raise NotOfTheGraphError(f"{op.name}: the evaluator runs graph operations only", op)

    def loop(self, op: While, operands: Sequence[Any]) -> Sequence[Any]:
        """Runs a loop; returns the last values that it carries."""
        progress = self.progress
        if progress is None:
            return op.run(operands, self.run_region)
        begin = progress.begin_loop()

        def run_region(region: Region, arguments: Sequence[Any]) -> list[Any]:
            if region is op.condition:
                progress.next_trip(begin)
            return self.run_region(region, arguments)

        results = op.run(operands, run_region)
        progress.end_loop(begin)
        return results

    def call(self, op: func.CallOp, operands: Sequence[Any]) -> list[Any]:
        """Runs the callee in an evaluator of its own; returns its results."""
        callee = called_function(op)
        if callee is None or not callee.body.blocks:
            raise EvaluationError(
                f"{op.name}: the program has no @{op.callee.root_reference.data} to run", op
            )
        if callee in self.within:
            raise EvaluationError(
                f"{op.name}: recursion: @{callee.sym_name.data} would call itself for ever", op
            )
        inner = Evaluator(self.variables, self.feeds, (*self.within, callee), self.progress)
        return inner.run_block(callee.body.block, operands)

    def contents(self, op: VariableOp) -> Array:
        array = self.variables.get(op.label)
        if array is None:
            raise EvaluationError(f"variable '{op.label}' has no contents: give them with variables=", op)
        return array


def compute(op: GraphOp, operands: Sequence[Any]) -> list[Any]:
    """Computes the results of an operation without regions, by its meaning on NumPy arrays.

    Run it under `np.errstate(all="ignore")`: what has no finite result is no error.

    Raises:
        EvaluationError: for values that it cannot be run on.
    """
    try:
        result = op.numpy(*operands)
    except EvaluationError:
        raise
    except GraphError as error:
        raise EvaluationError(str(error), op) from error
    except (ValueError, TypeError, IndexError, FloatingPointError) as error:
        raise EvaluationError(f"{op.name} '{name_of(op)}': {error}", op) from error
    # Slices and stacks are named tuples, and one value each.
    values: list[Any] = list(result) if type(result) is tuple else [result]
    # NumPy gives a scalar where an array of rank 0 is meant.
    arrays = [np.asarray(value) if isinstance(value, np.generic) else value for value in values]
    if op.name in OPS.added:
        check_results_of(op, arrays)
    return arrays


def check_results_of(op: GraphOp, results: Sequence[Any]) -> None:
    """Checks what the meaning of an operation from outside gives; ours are tested.

    Raises:
        EvaluationError: another number of results, or an array of another shape than its type says.
    """
    if len(results) != len(op.results):
        raise EvaluationError(f"{op.name}: numpy() gives {len(results)} results of {len(op.results)}", op)
    for result, type_ in zip(results, op.result_types, strict=True):
        if isinstance(type_, TensorType) and not compatible_shapes(np.shape(result), shape_of_type(type_)):
            raise EvaluationError(
                f"{op.name}: numpy() gives an array of shape {np.shape(result)}, its type is {type_}", op
            )


def last_uses(block: Block) -> dict[Operation, list[SSAValue]]:
    """Liveness: for each operation of a block, the values of that block whose last use it is."""
    dying: dict[Operation, list[SSAValue]] = {}
    seen: set[SSAValue] = set()
    own: set[SSAValue] = set(block.args)
    for op in block.ops:
        own.update(op.results)
    for op in reversed(list(block.ops)):
        used = [v for inner in op.walk() for v in inner.operands]
        for value in dict.fromkeys([*used, *op.results]):
            if value in own and value not in seen:
                seen.add(value)
                dying.setdefault(op, []).append(value)
    return dying


__all__ = ["Evaluator", "check_array", "compute", "evaluate"]
