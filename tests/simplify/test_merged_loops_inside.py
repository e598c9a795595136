"""Loops that may be merged in the body of a loop that is merged itself.

That was an error, 'Cannot detach a toplevel operation': the outer loop was gone, and its body with it, when the pass
came to the loops inside.
"""

from __future__ import annotations

import pytest

import pullback as pb


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_a_gradient_asked_for_inside_and_one_outside(target: str) -> None:
    with pb.Graph():
        p = pb.placeholder("f64", (), name="p")

        def inner() -> pb.Tensor:
            return pb.while_loop(lambda i, _: i < 2, lambda i, s: (i + 1, s + p * p), [0, p])[1]

        def body(i: pb.Tensor, total: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
            y = inner()
            return i + 1, total + y + pb.gradients(y, [p])[0]

        _, total = pb.while_loop(lambda i, _: i < 2, body, [0, pb.constant(0.0, "f64")])
        (slope,) = pb.gradients(pb.stop_gradient(total) * total, [p])
        step = pb.compile([p], [total, slope], target="numpy")
        assert step.ir("graph").count("graph.while") < step.ir("gradients").count("graph.while")
        p0 = 1.5
        value, slope_of_value = 2 * (p0 + 2 * p0**2 + 1 + 4 * p0), 2 * (1 + 4 * p0 + 4)
        found = pb.run([total, slope], {p: p0}, target=target)
        assert found == pytest.approx([value, value * slope_of_value])
