"""Target `fibers`: level `gpu` as CUDA C++ text, which the machine's C++ compiler compiles, on fibers of the CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.tensor.types import GraphError
from pullback.driver.targets.gpu_text import PASSES, capabilities_beside_native_code, cuda_cpp
from pullback.driver.targets.launched_function import LaunchedFunction
from pullback.driver.targets.native_callees import native_callees
from pullback.driver.targets.target import Target, Text

if TYPE_CHECKING:
    from pullback.backends.fibers.fiber_program import FiberProgram

Array = npt.NDArray[Any]


ORDER = "PULLBACK_FIBERS_ORDER"
"""The environment variable that says in which order threads take their turn: forwards, backwards, strided."""
SANITIZE = "PULLBACK_FIBERS_SANITIZE"
"""The environment variable that has undefined behaviour of the text reported, where it is 1."""


def _program(module: ModuleOp) -> FiberProgram:
    from pullback.backends.fibers.fiber_program import FiberProgram
    from pullback.backends.fibers.kernel_library import ThreadOrder

    orders = {order.name.lower(): order for order in ThreadOrder}
    order = os.environ.get(ORDER) or "forwards"
    if order not in orders:
        raise GraphError(f"{ORDER} is {order!r}: expected one of {', '.join(orders)}")
    sanitize = os.environ.get(SANITIZE, "0") not in ("", "0")
    return FiberProgram(module, orders[order], sanitize=sanitize, native=native_callees(module))


def _compiled(kernels: ModuleOp, finished: ModuleOp) -> LaunchedFunction:
    return LaunchedFunction(kernels, finished, _program(kernels))


def _run_on_memory(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    _program(module).run(entry, buffers, undefined)


FIBERS = Target(
    name="fibers",
    meaning="the CUDA C++ text of GPU kernels, compiled for the CPU: each thread is a fiber",
    passes=PASSES,
    capabilities=capabilities_beside_native_code,
    executor=_compiled,
    texts=(
        Text(
            name="cuda", level="gpu", printed=cuda_cpp, meaning="CUDA C++ of the kernels, which is what runs."
        ),
    ),
    run_on_memory=_run_on_memory,
)
