"""Requests for gradients inside of loops, checked once more when the loops are complete."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue

from pullback.passes.gradients.emitter import Emitter, GradientOptions
from pullback.passes.gradients.engine import ReverseWalk
from pullback.passes.gradients.paths import find_paths, inputs_of
from pullback.passes.gradients.visible import Visible


@dataclass(frozen=True)
class RequestInLoop:
    """A request for gradients, kept until the loops around its block are complete."""

    ys: Sequence[SSAValue]
    xs: Sequence[SSAValue]
    stops: frozenset[SSAValue]
    block: Block
    about: Operation | None = None

    def check(self) -> None:
        """Refuses a request whose ys depend on an x by what earlier trips of a loop around it yielded.

        Raises:
            GradientError: they do, and so the gradients that were made lack a part.
        """
        visible = Visible.around(self.block, back_edges=True)
        if not visible.loops or not (paths := find_paths(self.ys, self.xs, self.stops, visible)).carried:
            return
        touched = {*self.ys, *(v for op in paths.pending for v in inputs_of(op))}
        if touched.isdisjoint(paths.carried):
            return
        walk = ReverseWalk(visible, Emitter(Block().add_op, GradientOptions()), self.stops, about=self.about)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                walk.run(self.ys, self.xs, [None] * len(self.ys))
        finally:
            walk.emitter.take_back()
