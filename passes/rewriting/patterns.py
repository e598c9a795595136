"""Rewrite patterns of xDSL that use operators on tensors: where the operations that these make are inserted."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter

from pullback.dialects.graph.tensor.insertion import inserting
from pullback.passes.rewriting.same_device import place_like


@contextmanager
def inserting_at(rewriter: PatternRewriter) -> Generator[None]:
    """Inserts what operators on tensors make before the operation that matched, with its location and device.

    More exactly: at the rewriter's insertion point, which a pattern may have moved.

    Args:
        rewriter: the one that `match_and_rewrite` of a `RewritePattern` is given.
    """
    following = rewriter.insertion_point.insert_before

    def place(op: Operation) -> None:
        if following is not None:
            op.location = following.location
            place_like(op, following)
        rewriter.insert(op)

    with inserting(place):
        yield
