"""Target `cpu`: level `loops` as native code, with an arena of its own and outputs from a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.layout import Layout
from pullback.driver.targets.target import Target, Text
from pullback.passes.lowering.support import KERNEL_DTYPES
from pullback.passes.pipeline.pipelines import OptionValue
from pullback.process.interrupts import putting_off, say_what_changed
from pullback.process.locks import Lock

if TYPE_CHECKING:
    from pullback.backends.cpu.runtime import NativeCall

# LLVM takes a while to load: what needs it imports the CPU backend when the target is first used.

Array = npt.NDArray[Any]


class NativeFunction:
    """Runs `@main` of a module of level `loops`.

    Args:
        loops: the module of level `loops`.
        finished: the same program at level `graph` with static shapes.
        library: where to write the code as a shared library with debug lines; without it, it is not written.
    """

    def __init__(self, loops: ModuleOp, finished: ModuleOp, library: Path | None = None) -> None:
        from pullback.backends.cpu.runtime import compile_module

        self._layout = Layout.of(loops, finished)
        self._pools = tuple(self._layout.outputs.values())
        self._names = tuple(self._layout.variables.values())
        self._compiled = compile_module(loops, library=library)
        self._call: NativeCall = self._compiled
        self._bound: list[Array] | None = None
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        self._lock.refuse_to_reenter()
        outputs = [pool.take() for pool in self._pools]
        with self._lock:  # two calls at once would share the arena
            if self._names or self._bound is None:
                self._bind([variables[name] for name in self._names])
            try:
                if self._compiled.calls_host_late:
                    putting_off(self._call, *inputs, *outputs)
                else:
                    self._call(*inputs, *outputs)
            except BaseException as error:
                say_what_changed(error, self._compiled.changed())
                raise
        return outputs

    def _bind(self, arrays: list[Array]) -> None:
        """Fixes the arrays of variables and the arena; they are the same in almost every call."""
        if self._bound is not None and all(map(is_, arrays, self._bound)):
            return
        fixed = dict(zip(self._layout.variables, arrays, strict=True))
        self._call = self._compiled.bind({**fixed, **self._layout.arenas})
        self._bound = arrays


def _run_on_memory(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    from pullback.backends.cpu.runtime import compile_module

    compile_module(module, entry)(*buffers)


def _of_this_machine() -> Mapping[str, OptionValue]:
    from pullback.backends.cpu.machine import host_vector_bits

    return {"vector-bits": host_vector_bits(), "dtypes": tuple(map(str, KERNEL_DTYPES))}


def _llvm_ir(module: ModuleOp) -> str:
    from pullback.backends.cpu.llvm.printer import print_llvm

    return print_llvm(module)


CPU = Target(
    name="cpu",
    meaning="native code for this machine, compiled by LLVM",
    passes="kernels,loops",
    capabilities=_of_this_machine,
    executor=NativeFunction,
    debug_executor=NativeFunction,
    texts=(
        Text(
            name="llvm",
            level="loops",
            printed=_llvm_ir,
            format="llvm-ir",
            meaning="LLVM IR of a module of level `loops`, as the CPU backend compiles it.",
        ),
    ),
    run_on_memory=_run_on_memory,
)
