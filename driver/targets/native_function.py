"""A function in native code, with an arena of its own and outputs from a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.layout import Layout
from pullback.process.interrupts import putting_off, say_what_changed
from pullback.process.locks import Lock

if TYPE_CHECKING:
    from pullback.backends.cpu.runtime import Executable, NativeCall

Array = npt.NDArray[Any]


def compiled(loops: ModuleOp, finished: ModuleOp, library: Path | None = None) -> NativeFunction:
    """Compiles `@main` of a module of level `loops`.

    Args:
        loops: the module.
        finished: the same program at level `graph` with static shapes.
        library: where to write the code as a shared library with debug lines; without it, it is not written.
    """
    from pullback.backends.cpu.runtime import compile_module

    return NativeFunction(Layout.of(loops, finished), compile_module(loops, library=library))


class NativeFunction:
    """Runs `@main` of a program of level `loops`.

    Args:
        layout: what its arguments are for.
        compiled: its code.
    """

    def __init__(self, layout: Layout, compiled: Executable) -> None:
        self._layout = layout
        self._pools = tuple(self._layout.outputs.values())
        self._names = tuple(self._layout.variables.values())
        self._compiled = compiled
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
