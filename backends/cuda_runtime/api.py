"""Gives the module `cuda.core`, imported on first use (it takes seconds), or what stands in for it in tests."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pullback.backends.cuda_runtime.cuda_error import CudaError, first_line

INSTALL = "pip install 'pullback[cuda]'"


class CudaMissingError(CudaError):
    """Something that programs on NVIDIA devices need is not there; the text is one line that says what to do."""


_substitutes: list[Any] = []
_forbidden: list[int] = []


def cuda_core() -> Any:
    """The module `cuda.core`, whose driver and devices may still be missing; see `device_count`.

    Raises:
        CudaMissingError: the wheel is not installed.
    """
    return _substitutes[-1] if _substitutes else _imported()


@contextmanager
def using(module: Any) -> Generator[None]:
    """Puts an object with the interface of `cuda.core` in its place."""
    _substitutes.append(module)
    try:
        yield
    finally:
        _substitutes.remove(module)


def compiler_version() -> str:
    """What compiles kernels, with its version: the same text and options give the same code."""
    module = cuda_core()
    if _substitutes:
        return f"{type(module).__qualname__} {module.__version__}"
    nvrtc = importlib.import_module("cuda.bindings.nvrtc")
    _, major, minor = nvrtc.nvrtcVersion()
    try:
        wheel = version("nvidia-cuda-nvrtc")
    except PackageNotFoundError:
        wheel = "of the system"
    return f"NVRTC {major}.{minor} {wheel}"


def device_count() -> int:
    """The number of devices, at least one.

    Raises:
        CudaMissingError: the wheel, the driver or a device is missing.
    """
    module = cuda_core()
    try:
        count = len(module.Device.get_all_devices())
    except Exception as error:
        if "NO_DEVICE" not in str(error):
            raise CudaMissingError(
                "target 'cuda' needs the NVIDIA driver, which is not there or does not work "
                f"({first_line(error)}): install it, or take target 'fibers' or 'simt', which need no GPU"
            ) from None
        count = 0
    if not count:
        raise CudaMissingError(
            "target 'cuda' needs an NVIDIA GPU, and the driver shows none: see nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, or take target 'fibers' or 'simt', which need no GPU"
        )
    return count


def device_names() -> tuple[str, ...]:
    """The devices of this machine: `("cuda:0",)`, say; none where something is missing that they need."""
    try:
        return tuple(f"cuda:{number}" for number in range(device_count()))
    except CudaMissingError:
        return ()


@cache
def _imported() -> Any:
    try:
        return importlib.import_module("cuda.core")
    except ImportError as error:
        raise CudaMissingError(
            f"target 'cuda' needs the wheel cuda-core ({first_line(error)}): {INSTALL}"
        ) from None


def refuse_in_child() -> None:
    """Refuses to use devices in the child of a fork whose parent has used them.

    Raises:
        CudaMissingError: CUDA does not outlive a fork.
    """
    if _forbidden and _forbidden[0] != os.getpid():
        raise CudaMissingError(
            "this process was forked from one that had used the GPU, which CUDA does not allow: start processes by "
            "the method 'spawn' (multiprocessing.set_start_method), or fork before the first step on target 'cuda'"
        )


def note_use() -> None:
    """Notes that this process uses devices, so that its children may not."""
    if not _forbidden:
        _forbidden.append(os.getpid())
