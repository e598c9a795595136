"""The loop interpreter: runs a module of level `loops` on NumPy arrays, one op after the other.

It shares no code with the native backend, so that each checks the other, and it is strict: an access out of
bounds, a read of memory that was never written, or a division by zero raises `ExecutionError` with the op and
its location.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr, UnitAttr
from xdsl.ir import Attribute, Operation

from pullback.backends.evaluator.host_calls import HostCall
from pullback.backends.interpreter.compiled_blocks import (
    CompiledBlock,
    Compiler,
    Environment,
    Step,
    StepBuilder,
    computation,
)
from pullback.backends.interpreter.execution_error import ExecutionError, describe, symbol_of
from pullback.backends.interpreter.numpy_dtypes import constant_value, dtype_of
from pullback.backends.interpreter.run_control_flow import CONTROL
from pullback.backends.interpreter.run_memory import MEMORY, Array, Memory, fits, static_shape
from pullback.backends.interpreter.run_transfers import TRANSFERS
from pullback.backends.interpreter.run_vectors import REGISTERS
from pullback.backends.interpreter.run_views import VIEWS
from pullback.backends.interpreter.scalar_meanings import MEANINGS
from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.ir.diagnostics import DiagnosticError, UnsupportedError


def interpret(
    module: ModuleOp, buffers: Sequence[Array], entry: str = "main", *, undefined: Collection[int] = ()
) -> None:
    """Run `entry` on `buffers`, one NumPy array per argument, in place.

    A memref of i8 also takes bool or uint8 arrays. `undefined` names, by position, the buffers whose contents
    mean nothing on entry (outputs, the arena): reading there before writing is an error.

    Raises TypeError or ValueError for buffers that do not fit the signature, LookupError for an unknown
    function, UnsupportedError for an op outside level `loops`, ExecutionError where the program goes wrong.
    """
    LoopProgram(module).run(entry, buffers, undefined)


class MissingFunctionError(DiagnosticError, LookupError):
    """A function that is called or run is not there, or is only declared."""


class LoopProgram:
    """A module's functions and globals; each function is compiled to closures when it is first called."""

    def __init__(self, module: ModuleOp, builders: Mapping[str, StepBuilder] | None = None) -> None:
        """`builders` adds to the ops that this interpreter knows."""
        self._symbols = {symbol_of(op): op for op in module.ops}
        self._functions: dict[str, tuple[CompiledBlock, int]] = {}
        self._globals: dict[str, Memory] = {}
        self._builders: dict[str, StepBuilder] = {
            **_BUILDERS,
            "func.call": self._call,
            "memref.get_global": self._get_global,
            **(builders or {}),
        }

    def run(self, entry: str, buffers: Sequence[Array], undefined: Collection[int] = ()) -> None:
        """See `interpret`."""
        arguments = self.arguments(self._function(entry), buffers)
        for position in undefined:
            data = arguments[position].data
            arguments[position].written = np.zeros((*data.shape, data.itemsize), np.bool_)
        with np.errstate(all="ignore"):
            self._invoke(entry, arguments)

    def arguments(self, function: Operation, buffers: Sequence[Array]) -> Sequence[Memory]:
        """The arrays as memory of the arguments of a function that is run from outside."""
        types = [argument.type for argument in function.regions[0].block.args]
        return bind(symbol_of(function) or "", types, buffers)

    def _function(self, name: str) -> Operation:
        function = self._symbols.get(name)
        if function is None or function.name != "func.func" or not function.regions[0].blocks:
            names = ", ".join(f"@{n}" for n, op in self._symbols.items() if op.name == "func.func")
            raise MissingFunctionError(
                f"no function @{name} with a body: the module has {names or 'none'}", function
            )
        return function

    def _invoke(self, name: str, arguments: Sequence[object]) -> list[object]:
        if name not in self._functions:
            compiler = Compiler(self._builders)
            body = compiler.block(self._function(name).regions[0].block)
            self._functions[name] = body, compiler.size
        body, size = self._functions[name]
        environment: Environment = [None] * size
        body.run(environment, arguments)
        return body.outcome(environment)

    def _call(self, compiler: Compiler, op: Operation) -> Step:
        callee = op.properties["callee"]
        assert isinstance(callee, SymbolRefAttr)
        name = callee.string_value()
        operands, results = compiler.slots(op.operands), compiler.slots(op.results)
        function = self._symbols.get(name)
        if isinstance(function, func.FuncOp) and is_host_function(function):
            return _host_call(op, operands, HostCall(function))

        def run(environment: Environment) -> None:
            outcome = self._invoke(name, [environment[slot] for slot in operands])
            for slot, value in zip(results, outcome, strict=True):
                environment[slot] = value

        return run

    def _get_global(self, compiler: Compiler, op: Operation) -> Step:
        symbol = op.properties["name"]
        assert isinstance(symbol, SymbolRefAttr)
        name, result = symbol.string_value(), compiler.slot(op.results[0])
        if name not in self._globals:
            definition = self._symbols.get(name)
            if definition is None or definition.name != "memref.global":
                raise ExecutionError(op, f"the module has no memref.global @{name}")
            self._globals[name] = global_memory(definition)
        memory = self._globals[name]

        def run(environment: Environment) -> None:
            environment[result] = memory

        return run


def global_memory(op: Operation) -> Memory:
    """The memory of a `memref.global` with its initial value; constant ones refuse to be written."""
    type_, value = op.properties["type"], op.properties.get("initial_value")
    if value is None:
        raise UnsupportedError(f"{describe(op)}: an external global has no memory here", op)
    if isinstance(value, UnitAttr):  # `= uninitialized`
        return Memory.undefined(static_shape(type_), dtype_of(type_))
    data = np.array(constant_value(value, type_), order="C")  # `ascontiguousarray` gives a scalar one axis
    data.flags.writeable = "constant" not in op.properties
    return Memory(data)


def bind(name: str, types: Sequence[Attribute], buffers: Sequence[Array]) -> list[Memory]:
    """The arrays as the memory of a function's arguments, checked against its signature."""
    if len(types) != len(buffers):
        raise ValueError(f"@{name} takes {len(types)} buffers, got {len(buffers)}")
    return [
        _bind_one(f"@{name}: argument {i}", *pair) for i, pair in enumerate(zip(types, buffers, strict=True))
    ]


def _bind_one(label: str, type_: Attribute, buffer: Array) -> Memory:
    if type_.name != "memref":
        raise TypeError(f"{label} is a {type_}: only memrefs can be given from outside")
    dtype = dtype_of(type_)
    if dtype == np.int8 and buffer.dtype in (np.bool_, np.uint8):
        buffer = buffer.view(np.int8)
    if buffer.dtype != dtype:
        raise TypeError(f"{label} ({type_}) needs an array of {dtype}, got {buffer.dtype}")
    if not fits(buffer.shape, type_):
        raise ValueError(f"{label} ({type_}) cannot be an array of shape {buffer.shape}")
    if not buffer.flags.c_contiguous:
        raise ValueError(f"{label} needs an array whose elements lie side by side in C order")
    return Memory(buffer)


def _host_call(op: Operation, slots: Sequence[int], call: HostCall) -> Step:
    """An operation that NumPy runs as a whole: on all the memory of its operands, into that of its results."""
    count = call.results

    def run(environment: Environment) -> None:
        memories: list[Memory] = [environment[slot] for slot in slots]
        arrays = [
            memory.read(op, ...).view(dtype)
            for memory, dtype in zip(memories[:count], call.dtypes[:count], strict=True)
        ]
        results = [
            np.empty(shape, dtype)
            for shape, dtype in zip(call.shapes[count:], call.dtypes[count:], strict=True)
        ]
        call([*arrays, *results])
        for memory, result in zip(memories[count:], results, strict=True):
            memory.write(op, ..., result.view(memory.data.dtype))

    return run


_BUILDERS: dict[str, StepBuilder] = {
    **{name: computation(meaning) for name, meaning in {**MEANINGS, **REGISTERS}.items()},
    **CONTROL,
    **MEMORY,
    **VIEWS,
    **TRANSFERS,
}
