"""CUDA texts, compiled once, and launches of their kernels on arrays."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pullback.backends.fibers.compile_text import compile_text
from pullback.backends.fibers.kernel_library import Extent, Library, ThreadOrder, load


def library_of(text: str, *, sanitize: bool = False) -> Library:
    names = re.findall(r"__global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\(", text)
    return load(compile_text(text, names, sanitize=sanitize))


def launch(
    text: str,
    kernel: str,
    *arrays: np.ndarray[Any, Any],
    grid: Extent = (1, 1, 1),
    block: Extent = (64, 1, 1),
    order: ThreadOrder = ThreadOrder.FORWARDS,
    sanitize: bool = False,
) -> None:
    """Launch a kernel of a text on arrays."""
    addresses = [array.ctypes.data for array in arrays]
    library_of(text, sanitize=sanitize).launch(kernel, grid, block, addresses, order)


def line_of(text: str, part: str) -> int:
    """The number of the line of a text that has a part."""
    (line,) = [at for at, line in enumerate(text.splitlines(), 1) if part in line]
    return line
