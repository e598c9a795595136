"""Which results of a tile each thread computes: groups of 4 x 4, and warps of 4 x 8 threads.

A tile of 128 x 128 results and 256 threads leaves 64 to each. Four neighbours of a tile are one access of shared
memory, so a thread has 2 x 2 groups of 4 x 4 results, 64 rows and 64 columns apart:

    rows of thread (3, 0):     12 13 14 15      76 77 78 79
    columns of thread (3, 0):   0  1  2  3      64 65 66 67

That way threads side by side read elements side by side, which lie in different banks. Those of a warp read elements of
16 rows and 32 columns at a time, which is less than those of any longer shape would.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder

GROUP = 4
"""Neighbouring results of a thread along a row or a column, where it has so many: 16 bytes of f32."""
WARP_COLUMNS = 8
"""The threads of a warp that are side by side, if there are so many."""


@dataclass(frozen=True)
class ThreadShare:
    """What of the rows, or of the columns, of a tile a thread has.

    Args:
        extent: of the tile.
        size: how many a thread has.
    """

    extent: int
    size: int

    @property
    def threads(self) -> int:
        """How many threads share them."""
        return self.extent // self.size

    @property
    def group(self) -> int:
        """How many are neighbours."""
        return min(self.size, GROUP)

    def first(self, build: KernelBuilder, number: SSAValue, hint: str) -> SSAValue:
        """The first one of a thread that has this number among those that share them."""
        return build.product(number, self.group, hint)

    def place(self, build: KernelBuilder, first: SSAValue, index: SSAValue) -> SSAValue:
        """The one with an index among those of a thread whose first one is given."""
        if self.size == self.group:
            return build.sum_of([(first, 1), (index, 1)], 0, "place")
        group, rest = build.quotient(index, self.group, "group"), build.remainder(index, self.group, "rest")
        return build.sum_of([(first, 1), (group, self.group * self.threads), (rest, 1)], 0, "place")


def number_of_thread(
    build: KernelBuilder, thread: SSAValue, down: int, across: int
) -> tuple[SSAValue, SSAValue]:
    """The row and the column of a thread among `down` x `across` of them."""
    width = min(WARP_COLUMNS, across)
    width = max(width, WARP // min(WARP // width, down))
    if width >= across:
        return build.quotient(thread, across, "thread_row"), build.remainder(thread, across, "thread_column")
    warp, lane = build.quotient(thread, WARP, "warp"), build.remainder(thread, WARP, "lane")
    warps = across // width
    rows = (
        (build.quotient(warp, warps, "warp_row"), WARP // width),
        (build.quotient(lane, width, "lane_row"), 1),
    )
    columns = (
        (build.remainder(warp, warps, "warp_column"), width),
        (build.remainder(lane, width, "lane_column"), 1),
    )
    return build.sum_of(rows, 0, "thread_row"), build.sum_of(columns, 0, "thread_column")
