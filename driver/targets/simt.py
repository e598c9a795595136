"""Target `simt`: level `gpu` on the emulator, which checks every access, race and barrier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.simt.emulator import Emulator
from pullback.driver.layout import Layout
from pullback.process.interrupts import run_changing
from pullback.process.locks import Lock

Array = npt.NDArray[Any]


class EmulatedFunction:
    """Runs `@main` of a module of level `gpu`; to read outputs or the arena before they are written is an error.

    Args:
        kernels: the module of level `gpu`.
        finished: the same program at level `graph` with static shapes.
    """

    def __init__(self, kernels: ModuleOp, finished: ModuleOp) -> None:
        self._layout = Layout.of(kernels, finished)
        self._emulator = Emulator(kernels)
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        layout = self._layout
        outputs = {at: pool.take() for at, pool in layout.outputs.items()}
        undefined = {**outputs, **layout.arena}
        buffers = {
            **dict(zip(layout.inputs, inputs, strict=True)),
            **{at: variables[name] for at, name in layout.variables.items()},
            **undefined,
        }
        arrays = [buffers[at] for at in sorted(buffers)]
        changing = {name: variables[name] for name in layout.variables.values()}
        with self._lock:  # two calls at once would share the arena
            if changing:
                run_changing(
                    lambda p: self._emulator.run_watched("main", arrays, list(undefined), changing, p)
                )
            else:
                self._emulator.run("main", arrays, list(undefined))
        return list(outputs.values())
