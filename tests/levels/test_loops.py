"""Gradients of loops at every level: native code and the oracle give the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.ir.diagnostics import DiagnosticError

INPUTS = np.array([0.7, 1.2, 0.9]), np.array([1.1, 0.6, 0.8])


def derivatives(order: int, nested: bool, target: str) -> pb.Step:
    """The derivatives of this order of a loop, with respect to its start and to what it uses from outside."""
    with pb.Graph():
        x, w = (pb.placeholder("f64", (3,), name=name) for name in "xw")
        n = pb.placeholder("i32", (), name="n")

        def inner(v: Any) -> Any:
            step = lambda k, u: (k - 1, pb.tanh(u * w) + 0.1 * v)  # noqa: E731
            return pb.while_loop(lambda k, u: k > 0, step, (n, v))[1]

        def body(i: Any, v: Any) -> Any:
            return i - 1, (inner(v) if nested else pb.tanh(v * w)) * v

        ys = [pb.while_loop(lambda i, v: i > 0, body, (n, x))[1]]
        for _ in range(order):
            ys = pb.gradients(ys, [x, w])
        return pb.compile(inputs=[x, w, n], outputs=ys, target=target)


@pytest.mark.parametrize(("order", "nested"), [(1, False), (2, False), (1, True)])
def test_native_loops_are_the_oracle(order: int, nested: bool) -> None:
    steps = [derivatives(order, nested, target) for target in ("cpu", "numpy")]
    for trips in (0, 1, 3):
        got, expected = (step(*INPUTS, np.array(trips, np.int32)) for step in steps)
        for g, e in zip(got, expected, strict=True):
            np.testing.assert_allclose(g, e, rtol=1e-13, atol=1e-14)


def test_a_stack_of_stacks_is_refused_by_name() -> None:
    with pytest.raises(DiagnosticError, match="second order through nested loops"):
        derivatives(2, True, "cpu")(*INPUTS, np.array(2, np.int32))
