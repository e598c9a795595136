"""Runs a planned function on real memory: each value is read from its buffer, and written there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from pullback.backends.evaluator.evaluator import Evaluator, compute
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.kernel.arenas import arenas_of
from pullback.dialects.graph.kernel.buffer import BufferAttr
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.indexed import Alias
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import Assign, Read, VariableOp
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import SlicesType, element_type_of, numpy_dtype, shape_of_type
from pullback.passes.lowering.support import runs_on_host

Array = np.ndarray[Any, Any]


class Machine:
    """The memory of one call."""

    def __init__(
        self, function: func.FuncOp, inputs: Sequence[Array], variables: Mapping[str, Array]
    ) -> None:
        # Uninitialised memory is NaN.
        self.arenas = {d: np.full(size, 0xFF, np.uint8) for d, size in arenas_of(function).items()}
        last = function.body.block.last_op
        assert last is not None
        self.outputs = [
            np.zeros(shape_of_type(v.type), numpy_dtype(element_type_of(v.type))) for v in last.operands
        ]
        self.inputs, self.variables = inputs, variables
        with np.errstate(all="ignore"):
            self.block(function.body.block)
        for value, output in zip(last.operands, self.outputs, strict=True):
            output[...] = self.memory(value).copy()

    def block(self, block: Block) -> None:
        for op in list(block.ops)[:-1]:
            self.op(op)

    def op(self, op: Operation) -> None:
        match op:
            case VariableOp() | Constant() | Alias() | MakeSlices():
                pass
            case Read():
                self.memory(op.results[0])[...] = self.contents(op.operands[0])
            case Assign():
                self.contents(op.operands[0])[...] = self.memory(op.operands[1]).copy()
            case Kernel():
                evaluator = Evaluator({}, {})
                made = op.run([self.memory(v).copy() for v in op.operands], evaluator.run_region)
                for result, value in zip(op.results, made, strict=True):
                    self.memory(result)[...] = value
            case CopyTo():
                self.memory(op.results[0])[...] = self.memory(op.operands[0]).copy()
            case While():
                self.loop(op)
            case GraphOp() if runs_on_host(op):
                made = compute(op, [self.value(v) for v in op.operands])
                for result, value in zip(op.results, made, strict=True):
                    self.memory(result)[...] = value
            case _:
                raise AssertionError(op.name)

    def loop(self, op: While) -> None:
        self.move(op.operands, op.results)
        while True:
            self.block(op.condition.block)
            end = op.condition.block.last_op
            assert end is not None
            if not self.memory(end.operands[0]):
                return
            self.block(op.body.block)
            last = op.body.block.last_op
            assert last is not None
            self.move(last.operands, op.results)

    def move(self, sources: Sequence[SSAValue], targets: Sequence[SSAValue]) -> None:
        values = [self.memory(v).copy() for v in sources]
        for target, value in zip(targets, values, strict=True):
            self.memory(target)[...] = value

    def contents(self, variable: SSAValue) -> Array:
        assert isinstance(variable.owner, VariableOp)
        return self.variables[variable.owner.label]

    def value(self, value: SSAValue) -> Any:
        """A copy of a tensor, or of the rows and indices of slices."""
        type_ = value.type
        if isinstance(type_, SlicesType):
            assert isinstance(value.owner, MakeSlices)
            rows, indices = (self.value(v) for v in value.owner.operands)
            return SlicesValue(rows, indices, shape_of_type(type_.data_type))
        return self.memory(value).copy()

    def memory(self, value: SSAValue) -> Array:
        """The buffer of a value, as an array that shares its memory."""
        type_ = value.type
        shape, dtype = shape_of_type(type_), numpy_dtype(element_type_of(type_))
        owner = value.owner
        if isinstance(value, BlockArgument):
            loop = value.owner.parent_op()
            if isinstance(loop, While):
                return self.memory(loop.results[value.index])
            return self.inputs[value.index]
        assert isinstance(owner, Operation)
        if isinstance(owner, Constant):
            return owner.array()
        if isinstance(owner, Alias):
            return self.memory(owner.operands[list(owner.results).index(value)]).reshape(shape)  # pyright: ignore[reportArgumentType]
        return self.buffer(owner, list(owner.results).index(value), dtype).reshape(shape)  # pyright: ignore[reportArgumentType]

    def buffer(self, op: Operation, number: int, dtype: np.dtype[Any]) -> Array:
        memory = op.attributes["memory"]
        assert isinstance(memory, ArrayAttr)
        buffer = memory.data[number]
        assert isinstance(buffer, BufferAttr)
        count = int(np.prod(shape_of_type(op.results[number].type)))
        match buffer.place:
            case "arena", int(offset):
                assert offset % 64 == 0
                arena = self.arenas[device_of_op(op)]
                assert offset + count * dtype.itemsize <= arena.size
                return arena[offset : offset + count * dtype.itemsize].view(dtype)
            case "output", int(place):
                return self.outputs[place].reshape(-1)
            case "variable", str(label):
                return self.variables[label].reshape(-1)
            case place:
                raise AssertionError(place)
