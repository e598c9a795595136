"""A compiled function whose host part runs on the interpreter, and launches kernels that one of the targets runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.layout import Layout
from pullback.process.interrupts import run_changing
from pullback.process.locks import Lock

if TYPE_CHECKING:
    from pullback.backends.host_program.host_program import HostProgram

Array = npt.NDArray[Any]


class LaunchedFunction:
    """Runs `@main` of a module of level `gpu`; to read outputs or the arena before they are written is an error.

    Args:
        kernels: the module of level `gpu`.
        finished: the same program at level `graph` with static shapes.
        program: the module, ready to run.
    """

    def __init__(self, kernels: ModuleOp, finished: ModuleOp, program: HostProgram) -> None:
        self._layout = Layout.of(kernels, finished)
        self._program = program
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        self._lock.refuse_to_reenter()
        arrays, undefined, outputs = self._layout.buffers(inputs, variables)
        changing = {name: variables[name] for name in self._layout.variables.values()}
        with self._lock:  # two calls at once would share the arena
            if changing:
                run_changing(lambda p: self._program.run_watched("main", arrays, undefined, changing, p))
            else:
                self._program.run("main", arrays, undefined)
        return outputs
