"""Target `cuda`: level `gpu` on an NVIDIA device, where variables stay between steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.targets.gpu_text import PASSES, capabilities_beside_native_code, cuda_cpp, cuda_plan
from pullback.driver.targets.target import Executor, Target, Text
from pullback.passes.pipeline.pipelines import OptionValue

Array = npt.NDArray[Any]


def _of_this_machine() -> Mapping[str, OptionValue]:
    """What kernels compute, and the devices that are there; programs are lowered where there is none, too."""
    from pullback.backends.cuda_runtime.api import device_names

    devices = device_names()
    return {**capabilities_beside_native_code(), **({"available": devices} if devices else {})}


def _compiled(kernels: ModuleOp, finished: ModuleOp) -> Executor:
    # What it imports is only needed here.
    from pullback.driver.targets.cuda_function import CudaFunction

    return CudaFunction(kernels, finished)


def _compiled_for_device_arrays(kernels: ModuleOp, finished: ModuleOp) -> Executor:
    from pullback.driver.targets.cuda_function import CudaFunction

    return CudaFunction(kernels, finished, device_outputs=True)


def _run_on_memory(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    from pullback.driver.targets.memory_on_devices import run_on_devices

    run_on_devices(module, entry, buffers, undefined)


CUDA_TARGET = Target(
    name="cuda",
    meaning="GPU kernels on an NVIDIA device, where variables stay between steps",
    passes=PASSES,
    capabilities=_of_this_machine,
    executor=_compiled,
    device_executor=_compiled_for_device_arrays,
    texts=(
        Text(
            name="cuda",
            level="gpu",
            printed=cuda_cpp,
            meaning="CUDA C++ of the kernels, which NVRTC compiles.",
        ),
        Text(
            name="plan",
            level="gpu",
            printed=cuda_plan,
            meaning="The plan of the runtime: launches and copies by segments, and what waits for what.",
        ),
    ),
    run_on_memory=_run_on_memory,
)
