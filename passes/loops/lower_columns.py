"""Columns kernels: columns side by side, or parts of the rows, as the schedule says."""

from __future__ import annotations

from pullback.passes.loops.columns import Columns
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.lower_rows import lower_rows
from pullback.passes.loops.split_columns import SplitColumns


def lower_columns(kernel: KernelFunction) -> None:
    """See `Columns` and `SplitColumns`; columns of one element are a single row."""
    if not kernel.space.outer:
        lower_rows(kernel)
    elif kernel.split is None:
        Columns(kernel).lower()
    else:
        SplitColumns(kernel).lower()
