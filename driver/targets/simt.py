"""Target `simt`: level `gpu` on the emulator, which checks every access, race and barrier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.targets.gpu_text import PASSES, capabilities, cuda_cpp
from pullback.driver.targets.launched_function import LaunchedFunction
from pullback.driver.targets.target import Target, Text

Array = npt.NDArray[Any]


def emulated(kernels: ModuleOp, finished: ModuleOp) -> LaunchedFunction:
    """A function whose kernels are emulated."""
    from pullback.backends.simt.emulator import Emulator

    return LaunchedFunction(kernels, finished, Emulator(kernels))


def _run_on_memory(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    from pullback.backends.simt.emulator import run as emulate

    emulate(module, buffers, entry, undefined=undefined)


SIMT = Target(
    name="simt",
    meaning="GPU kernels, emulated thread by thread: each access, race and barrier is checked",
    passes=PASSES,
    capabilities=capabilities,
    executor=emulated,
    texts=(
        Text(
            name="cuda",
            level="gpu",
            printed=cuda_cpp,
            format="cuda-cpp",
            meaning="CUDA C++ of the kernels in a module of level `gpu`, as NVRTC compiles it.",
        ),
    ),
    run_on_memory=_run_on_memory,
)
