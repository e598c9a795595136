"""Rows kernels: rows as lanes where they are very short, several at once where they are short, one by one otherwise."""

from __future__ import annotations

from pullback.passes.loops import rows_as_lanes, rows_at_once
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.rows import Rows
from pullback.passes.loops.rows_as_lanes import RowsAsLanes
from pullback.passes.loops.rows_at_once import RowsAtOnce


def lower_rows(kernel: KernelFunction) -> None:
    """See `RowsAsLanes`, `RowsAtOnce` and `Rows`."""
    if rows_as_lanes.are_worth_it(kernel):
        RowsAsLanes(kernel).lower()
    elif rows_at_once.are_worth_it(kernel):
        RowsAtOnce(kernel).lower()
    else:
        Rows(kernel).lower()
