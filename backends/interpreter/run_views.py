"""Runs `memref` ops that make views: views, subviews, casts, reshapes. None copies, all check bounds."""

from __future__ import annotations

from math import prod

from numpy.lib.stride_tricks import as_strided
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute, Operation

from pullback.backends.interpreter.compiled_blocks import (
    Compiler,
    Environment,
    Step,
    StepBuilder,
    mixed_indices,
    segments,
)
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.run_memory import Memory, fits, static_shape


def rank_of(type_: Attribute) -> int:
    """The rank of a memref type."""
    assert isinstance(type_, MemRefType)
    return type_.get_num_dims()


def _view(compiler: Compiler, op: Operation) -> Step:
    source, shift, *sizes = compiler.slots(op.operands)
    type_, result = op.results[0].type, compiler.slot(op.results[0])
    dtype = dtype_of(type_)

    def run(environment: Environment) -> None:
        memory: Memory = environment[source]
        shape = static_shape(type_, [int(environment[size]) for size in sizes])
        start, size = int(environment[shift]), prod(shape) * dtype.itemsize
        if start < 0 or start + size > memory.data.size:
            raise ExecutionError(op, f"the view takes bytes {start} to {start + size} of {memory.data.size}")
        if start % dtype.itemsize:
            raise ExecutionError(op, f"byte {start} is not aligned for {dtype}")
        part = memory[start : start + size]
        written = None if part.written is None else part.written.reshape(*shape, dtype.itemsize)
        environment[result] = part.part(part.data.view(dtype).reshape(shape), written)

    return run


def _subview(compiler: Compiler, op: Operation) -> Step:
    (source,), *dynamic = segments(op)
    slot, result = compiler.slot(source), compiler.slot(op.results[0])
    names = ("static_offsets", "static_sizes", "static_strides")
    offsets, sizes, strides = (
        mixed_indices(compiler, op.properties[name], values)
        for name, values in zip(names, dynamic, strict=True)
    )
    rank = rank_of(op.results[0].type)

    def run(environment: Environment) -> None:
        memory: Memory = environment[slot]
        index: list[slice] = []
        for start, size, stride, extent in zip(
            offsets(environment), sizes(environment), strides(environment), memory.data.shape, strict=True
        ):
            stop = start + (size - 1) * stride + 1 if size else start
            if start < 0 or stop > extent or stride < 1:
                raise ExecutionError(
                    op, f"elements {start} to {stop} (step {stride}) are not within {extent}"
                )
            index.append(slice(start, stop, stride))
        part = memory[tuple(index)]
        drop = len(index) - rank  # a rank-reducing subview drops leading extents of 1
        ones = [axis for axis, extent in enumerate(part.data.shape) if extent == 1][:drop]
        # With `...` the part of a vector without extents stays memory: without it, NumPy gives an element.
        kept = [0 if axis in ones else slice(None) for axis in range(len(index))]
        environment[result] = part[(*kept, ...)]

    return run


def _reinterpret_cast(compiler: Compiler, op: Operation) -> Step:
    (source,), *dynamic = segments(op)
    slot, result = compiler.slot(source), compiler.slot(op.results[0])
    names = ("static_offsets", "static_sizes", "static_strides")
    offset, sizes, strides = (
        mixed_indices(compiler, op.properties[name], values)
        for name, values in zip(names, dynamic, strict=True)
    )

    def run(environment: Environment) -> None:
        memory: Memory = environment[slot]
        try:
            base = memory.flat()
        except ValueError as error:
            raise ExecutionError(op, str(error)) from None
        (start,), shape, steps = offset(environment), sizes(environment), strides(environment)
        last = start + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
        if 0 not in shape and not 0 <= start <= last < base.data.size:
            raise ExecutionError(op, f"elements {start} to {last} are not within {base.data.size}")
        part, width = base[start:], base.data.itemsize
        byte_steps = tuple(step * width for step in steps)
        data = as_strided(part.data, shape, byte_steps)
        written = part.written
        if written is not None:
            written = as_strided(written, (*shape, width), (*byte_steps, 1))
        environment[result] = part.part(data, written)

    return run


def _reshape(compiler: Compiler, op: Operation) -> Step:
    """`collapse_shape` and `expand_shape` of memory whose elements lie side by side."""
    slot, result = compiler.slot(op.operands[0]), compiler.slot(op.results[0])
    shape = static_shape(op.results[0].type)

    def run(environment: Environment) -> None:
        try:
            base = environment[slot].flat()
        except ValueError as error:
            raise ExecutionError(op, str(error)) from None
        written = None if base.written is None else base.written.reshape(*shape, base.data.itemsize)
        environment[result] = base.part(base.data.reshape(shape), written)

    return run


def _cast(compiler: Compiler, op: Operation) -> Step:
    slot, result = compiler.slot(op.operands[0]), compiler.slot(op.results[0])
    expected = op.results[0].type

    def run(environment: Environment) -> None:
        memory: Memory = environment[slot]
        if not fits(memory.data.shape, expected):
            raise ExecutionError(op, f"a memref of shape {memory.data.shape} is not a {expected}")
        environment[result] = memory

    return run


VIEWS: dict[str, StepBuilder] = {
    "memref.view": _view,
    "memref.subview": _subview,
    "memref.reinterpret_cast": _reinterpret_cast,
    "memref.collapse_shape": _reshape,
    "memref.expand_shape": _reshape,
    "memref.cast": _cast,
}
