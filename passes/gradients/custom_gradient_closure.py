"""Gradients of what a `custom_gradient` closes over: ordinary reverse mode, beside the function's own gradient."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation

from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.gradients.emitter import Differentiator


def with_closure(
    walk: Differentiator,
    op: Operation,
    dys: Sequence[Tensor | None],
    needed: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Adds the gradients of the operands `closed` to those of the rule.

    They come from a walk of their own from the values back, in which the xs are constants: what flows to them is
    the rule's.
    """
    assert isinstance(op, CustomGradient)
    of_closed = len(op.operands) - len(op.closed)
    wanted = [v for v, need in zip(op.closed, needed[of_closed:], strict=True) if need]
    seeded = [(v, dy) for v, dy in zip(op.values, dys, strict=True) if dy is not None]
    inner = walk.stopping({*op.xs, *op.closed})
    found = iter(inner.run([v for v, _ in seeded], wanted, [dy for _, dy in seeded])) if wanted else iter(())
    return [*grads[:of_closed], *(next(found) if need else None for need in needed[of_closed:])]
