"""Target `simt`: level `gpu` on the emulator, which checks every access, race and barrier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.layout import Layout
from pullback.driver.targets.target import Target, Text
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.lowering.support import KERNEL_DTYPES
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
        from pullback.backends.simt.emulator import Emulator

        self._layout = Layout.of(kernels, finished)
        self._emulator = Emulator(kernels)
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        arrays, undefined, outputs = self._layout.buffers(inputs, variables)
        changing = {name: variables[name] for name in self._layout.variables.values()}
        with self._lock:  # two calls at once would share the arena
            if changing:
                run_changing(lambda p: self._emulator.run_watched("main", arrays, undefined, changing, p))
            else:
                self._emulator.run("main", arrays, undefined)
        return outputs


def _run_on_memory(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    from pullback.backends.simt.emulator import run as emulate

    emulate(module, buffers, entry, undefined=undefined)


def _cuda_cpp(module: ModuleOp) -> str:
    from pullback.backends.cuda.program_source import cuda_source

    return cuda_source(module)


SIMT = Target(
    name="simt",
    meaning="GPU kernels, emulated thread by thread: each access, race and barrier is checked",
    passes="kernels,gpu",
    capabilities=lambda: {"shared-bytes": SHARED_BYTES, "dtypes": tuple(map(str, KERNEL_DTYPES))},
    executor=EmulatedFunction,
    texts=(
        Text(
            name="cuda",
            level="gpu",
            printed=_cuda_cpp,
            format="cuda-cpp",
            meaning="CUDA C++ of the kernels in a module of level `gpu`, as NVRTC compiles it.",
        ),
    ),
    run_on_memory=_run_on_memory,
)
