"""Detects data races: two accesses of one element, at least one a write, by lanes that no barrier orders.

Lanes of a block are ordered by a barrier between the accesses; lanes of different blocks never are within one
launch. For each element the last write and the last reads are remembered as access codes (`Batch.codes`).
"""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.batch import MANY_BLOCKS, MANY_LANES, Array, Batch, code_name


class RaceDetector:
    """Watches one buffer of a launch; `label` names it in messages, `size` counts its elements."""

    def __init__(self, label: str, size: int, width: int) -> None:
        """`width` is the number of elements of one copy, where every block has its own."""
        self.label, self.width = label, width
        self.writes: Array = np.zeros(size, np.int64)
        self.reads: Array = np.zeros(size, np.int64)

    def read(self, op: Operation, batch: Batch, positions: Array) -> None:
        """The running lanes read these elements."""
        codes = batch.codes()
        self._check(op, positions, codes, self.writes[positions], "read by", "written by")
        before = self.reads[positions]
        if (before != codes).any():
            self._remember_readers(positions, codes, before)

    def write(self, op: Operation, batch: Batch, positions: Array) -> None:
        """The running lanes write these elements."""
        codes = batch.codes()
        self._check(op, positions, codes, self.writes[positions], "written by", "written by")
        self._check(op, positions, codes, self.reads[positions], "written by", "read by")
        self.writes[positions] = codes
        self._check(op, positions, codes, self.writes[positions], "written by", "written by")

    def require_written(self, op: Operation, batch: Batch, positions: Array) -> None:
        """Raises if a running lane reads what was never written (for memory that starts undefined)."""
        missing = np.flatnonzero(self.writes[positions] == 0)
        if missing.size:
            lane = batch.lane_name(missing[0])
            element = positions[missing[0]] % self.width
            raise ExecutionError(
                op, f"{lane} reads element {element} of {self.label}, which was never written"
            )

    def _check(
        self, op: Operation, positions: Array, codes: Array, before: Array, now_verb: str, before_verb: str
    ) -> None:
        same_block, same_epoch = before >> 32 == codes >> 32, before >> 12 == codes >> 12
        races = np.flatnonzero((before != 0) & (before != codes) & (same_epoch | ~same_block))
        if races.size:
            at = races[0]
            raise ExecutionError(
                op,
                f"data race on element {positions[at] % self.width} of {self.label}: "
                f"{now_verb} {code_name(int(codes[at]))} and {before_verb} {code_name(int(before[at]))} "
                "with no barrier between",
            )

    def _remember_readers(self, positions: Array, codes: Array, before: Array) -> None:
        merged = _merge(before, codes)
        self.reads[positions] = merged
        # Where several lanes read one element in this step, only the last was kept.
        for _ in range(2):
            kept = self.reads[positions]
            lost = np.flatnonzero(kept != merged)
            if not lost.size:
                return
            positions, merged = positions[lost], _merge(kept[lost], merged[lost])
            self.reads[positions] = merged


def _merge(before: Array, codes: Array) -> Array:
    """Merges the access codes of two readers; an earlier epoch of the same block no longer matters."""
    same_block, same_epoch = before >> 32 == codes >> 32, before >> 12 == codes >> 12
    merged = np.where(same_epoch & (before != codes), codes | MANY_LANES, codes)
    return np.where((before != 0) & ~same_block, MANY_BLOCKS << 32, merged)
