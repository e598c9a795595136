"""What `recompute_grad` closes over, where its arguments or each other depend on it.

The gradient that is computed again went on from the arguments through the blocks around, to what they were computed
from: with s = w * x, the gradient of tanh(s * w) by w had its part through s twice, and in a loop that carries s it was
an error about what the loop carries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

TARGETS = pytest.mark.parametrize("target", ["numpy", "cpu"])
Scalar = Callable[[pb.Tensor], pb.Tensor]
Recompute = Callable[[Scalar], Scalar]


def plain(function: Scalar) -> Scalar:
    """What a function is when nothing is computed again."""
    return function


def of_an_argument(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    return again(lambda s: pb.tanh(s * w))(w * x)


def of_one_another(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    r = w * x
    return again(lambda s: pb.tanh(s * w * r))(x)


def of_what_is_an_argument_too(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    r = w * x
    return again(lambda s: pb.tanh(s * w * r))(r)


def of_a_variable(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    v = pb.Variable(np.float64(0.7), name="v")
    y = again(lambda s: pb.tanh(s * v * w))(v * x)
    (dv,) = pb.gradients(y, [v])
    return y + dv


def in_a_loop(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    cell = again(lambda s: pb.tanh(s * w) + x)
    return pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, cell(s)), [0, w * x])[1]


def nested(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    inner = again(lambda s: pb.sin(s * w))
    return again(lambda s: inner(s * w) * w * x)(w * x)


def asked_for_in_a_branch(x: pb.Tensor, w: pb.Tensor, again: Recompute) -> pb.Tensor:
    y = again(lambda s: pb.tanh(s * w))(w * x)
    return pb.cond(x > 0.0, lambda: pb.gradients(y * w, [w])[0], lambda: y)


@TARGETS
@pytest.mark.parametrize(
    "program",
    [
        of_an_argument,
        of_one_another,
        of_what_is_an_argument_too,
        of_a_variable,
        in_a_loop,
        nested,
        asked_for_in_a_branch,
    ],
)
def test_what_is_closed_over_counts_once(program: Callable[..., pb.Tensor], target: str) -> None:
    found: list[Any] = []
    for again in (plain, pb.recompute_grad):
        with pb.Graph():
            x, w = pb.placeholder("f64", (), name="x"), pb.placeholder("f64", (), name="w")
            firsts = pb.gradients(program(x, w, again), [x, w])
            seconds = [pb.gradients(first, [x, w]) for first in firsts]
            found.append(pb.run([firsts, *seconds], {x: 0.3, w: 0.4}, target=target))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)
