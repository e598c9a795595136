"""Operations that only the host runs, and every way to run a program that contains them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

import pullback as pb
from pullback.backends.cpu.runtime import compile_module
from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.context import context
from pullback.dialects.graph.op.graph_op import GraphOp, graph_op
from pullback.dialects.graph.tensor.types import NUMPY_DTYPES, shape_of_type, tensor_type
from pullback.dialects.ir.source import parse

Array = npt.NDArray[Any]
OTHERS = ["complex<f32>", "complex<f64>", "ui8"]
"""The dtypes that no kernel computes with."""
BREAKS = 77.0
"""What the operation below cannot turn around."""


class BrokenError(RuntimeError):
    """What an operation may raise."""


def backwards() -> type[GraphOp]:
    """An operation that belongs to no family: the operand with its last axis in reverse order."""

    @graph_op
    class Backwards(GraphOp):
        name = "graph.test_backwards"
        operand = operand_def(AnyAttr())
        result = result_def(AnyAttr())
        traits = traits_def(Pure())

        @classmethod
        def infer(cls, operands: Sequence[Attribute], properties: Any) -> Sequence[Attribute]:
            return [operands[0]]

        def numpy(self, *operands: Any) -> Any:
            if np.any(operands[0] == BREAKS):
                raise BrokenError("cannot turn this around")
            return operands[0][..., ::-1]

        def gradient(self, dy: pb.Tensor) -> tuple[pb.Tensor | None, ...]:
            return (type(self).of(dy),)

    return Backwards


def extremes() -> type[GraphOp]:
    """An operation of two results: the elements in order, and which of them are above 0."""

    @graph_op
    class Extremes(GraphOp):
        name = "graph.test_extremes"
        operand = operand_def(AnyAttr())
        ordered = result_def(AnyAttr())
        above = result_def(AnyAttr())
        traits = traits_def(Pure())

        @classmethod
        def infer(cls, operands: Sequence[Attribute], properties: Any) -> Sequence[Attribute]:
            return [operands[0], tensor_type(i1, shape_of_type(operands[0]))]

        def numpy(self, *operands: Any) -> Any:
            ordered = np.sort(operands[0], axis=None).reshape(operands[0].shape)
            return ordered, ordered > 0

    return Extremes


def agree(inputs: Sequence[pb.Tensor], outputs: Sequence[pb.Tensor], *arrays: Array) -> pb.Step:
    """Native code, its level `loops` under the interpreter, and emulated GPU kernels give what the evaluator gives."""
    step, emulated, oracle = (
        pb.compile(list(inputs), list(outputs), target=target) for target in ("cpu", "simt", "numpy")
    )
    expected = oracle(*arrays)
    for run in (step, emulated):
        for found, wanted in zip(run(*arrays), expected, strict=True):
            same(found, wanted)
    for run in (interpreted, native):
        for found, wanted in zip(run(step.ir("loops"), arrays, expected), expected, strict=True):
            same(found, wanted)
    return step


def same(found: Array, expected: Array) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)


def buffers(text: str, inputs: Sequence[Array], outputs: Sequence[Array]) -> list[Array]:
    """Arrays for the arguments of `@main`: inputs, outputs, and the arena."""
    arena = re.search(r"%arena: memref<(\d+)xi8>", text)
    memory = [np.full(int(arena[1]), 0x7F, np.int8)] if arena else []
    return [*inputs, *(np.empty_like(o, order="C") for o in outputs), *memory]


def interpreted(text: str, inputs: Sequence[Array], expected: Sequence[Array]) -> list[Array]:
    arrays = buffers(text, inputs, expected)
    interpret(parse(context(), text).module, arrays, undefined=range(len(inputs), len(arrays)))
    return arrays[len(inputs) : len(inputs) + len(expected)]


def native(text: str, inputs: Sequence[Array], expected: Sequence[Array]) -> list[Array]:
    arrays = buffers(text, inputs, expected)
    compile_module(parse(context(), text).module)(*arrays)
    return arrays[len(inputs) : len(inputs) + len(expected)]


def numbers(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def dtype_of(name: str) -> np.dtype[Any]:
    return next(dtype for type_, dtype in NUMPY_DTYPES.items() if str(type_) == name)


def turned(x: pb.Tensor, axis: int) -> pb.Tensor:
    """The elements along an axis in the other order, by the host, which solves for them: exactly, with ones alone."""
    size = x.shape[axis] or 0
    if axis == 1:
        return pb.transpose(turned(pb.transpose(x), axis=0))
    order = pb.constant(np.eye(size, dtype=np.float32)[::-1].copy())
    columns = x if len(x.shape) == 2 else pb.expand_dims(x, 1)
    return pb.reshape(pb.solve(order, columns), tuple(n or 0 for n in x.shape))
