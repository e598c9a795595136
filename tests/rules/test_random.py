"""Rule 93: a recomputation for a gradient draws the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

X = np.linspace(0.5, 1.5, 40)


def _looped(x: Any) -> Any:
    return pb.while_loop(lambda i, _: i < 3, lambda i, h: (i + 1, pb.dropout(h * h, 0.1)), [0, x])[1]


FUNCTIONS: dict[str, Any] = {
    "twin": _looped,
    "nested": lambda x: pb.while_loop(lambda i, _: i < 2, lambda i, h: (i + 1, _looped(h)), [0, x])[1],
    "again": pb.recompute_grad(lambda x: _looped(pb.dropout(x, 0.1))),
    "branch": lambda x: pb.cond(pb.sum(x) > 0, lambda: _looped(x), lambda: x),
}
NESTED = ("nested", "branch")
"""Loops in loops, whose second order needs stacks of stacks, which target `cpu` does not have."""


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_rule_93_what_is_computed_again_draws_the_same(name: str, target: str) -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f64", (40,), name="x")
        y = FUNCTIONS[name](x)
        (dx,) = pb.gradients(y, [x])
        ys = [y, dx] if target == "cpu" and name in NESTED else [y, dx, *pb.gradients(dx, [x])]
        step = pb.compile([x], ys, target)

    def run(at: Any) -> Any:
        pb.set_random_seed(6, g)
        return step(at)

    (value, *slopes), ahead, behind = run(X), run(X + 1e-5), run(X - 1e-5)
    assert 0 < np.count_nonzero(value) < 40
    for slope, above, below in zip(slopes, ahead, behind, strict=False):
        np.testing.assert_allclose(slope, (above - below) / 2e-5, rtol=1e-5)


def test_rule_93_copies_draw_the_same() -> None:
    """Two requests make two copies of what a `recompute_grad` computes again."""
    with pb.Graph():
        x = pb.placeholder("f64", (40,), name="x")
        y = pb.recompute_grad(lambda x: pb.sin(pb.dropout(x, 0.5)))(x)
        twice = [pb.gradients(y, [x])[0] for _ in range(2)]
        value, one, other = pb.compile([x], [y, *twice])(X)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one, np.where(value == 0, 0, 2 * np.cos(2 * X)))
