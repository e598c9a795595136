"""Pooling of large windows in two passes: along rows, and of what comes out along columns.

    5 x 5 windows    (N, 60, 60, C)  1 x 5 ->  (N, 60, 56, C)  5 x 1 ->  (N, 56, 56, C)

So each element is compared with 8 others, not with 24, and a kernel has 5 views. The first of the largest elements of a
window, row by row, is the first one of the first row that has it, so gradients go back the same way. As many elements
are in each column of a window as in any other, so a mean of means is the mean.
"""

from __future__ import annotations

from dataclasses import replace

from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.windows.windows import Windows, window_properties

MOST_AT_ONCE = 16
"""The most positions of a window that one pass looks at: 5 x 5 and more take longer than two passes do."""


def takes_two_passes(windows: Windows) -> bool:
    """Tells whether a window has many positions in several rows and columns."""
    rows, columns = windows.size
    return rows > 1 and columns > 1 and rows * columns > MOST_AT_ONCE


def along_rows(windows: Windows) -> dict[str, Attribute]:
    """The properties of the pass along each row, whose windows are one row high."""
    padding = windows.padding if windows.padding == "SAME" else ((0, 0), windows.padding[1])
    return _properties(
        replace(windows, size=(1, windows.size[1]), strides=(1, windows.strides[1]), padding=padding)
    )


def along_columns(windows: Windows) -> dict[str, Attribute]:
    """The properties of the pass along each column, whose windows are one column wide."""
    padding = windows.padding if windows.padding == "SAME" else (windows.padding[0], (0, 0))
    return _properties(
        replace(windows, size=(windows.size[0], 1), strides=(windows.strides[0], 1), padding=padding)
    )


def _properties(windows: Windows) -> dict[str, Attribute]:
    return {"window": integers(windows.size), **window_properties(windows.strides, windows.padding)}
