"""What the targets share that run level `gpu`: the passes, what kernels compute, and the text of kernels."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import ModuleOp

from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.lowering.support import KERNEL_DTYPES
from pullback.passes.pipeline.pipelines import OptionValue

PASSES = "kernels,gpu"


def capabilities() -> Mapping[str, OptionValue]:
    """What the kernels of level `gpu` compute, and for how much shared memory."""
    return {
        "device": "cuda",
        "shared-bytes": SHARED_BYTES,
        "dtypes": tuple(map(str, KERNEL_DTYPES)),
    }


def capabilities_beside_native_code() -> Mapping[str, OptionValue]:
    """The same where kernels of the host's device are native code: the vectors of this machine, too."""
    from pullback.backends.cpu.machine import host_fmas_per_cycle, host_vector_bits

    return {
        **capabilities(),
        "vector-bits": host_vector_bits(),
        "fmas-per-cycle": host_fmas_per_cycle(),
    }


def cuda_cpp(module: ModuleOp) -> str:
    """CUDA C++ of the kernels in a module of level `gpu`."""
    from pullback.backends.cuda.program_source import cuda_source

    return cuda_source(module)


def cuda_plan(module: ModuleOp) -> str:
    """What the runtime does with a module of level `gpu`: segments, and what waits for what."""
    from pullback.backends.cuda_runtime.plan_text import plan_text

    return plan_text(module)
