"""Tensors of a loop or a branch used outside of it.

The first were a `VerificationError` when the graph was run; a placeholder in `control_dependencies` broke the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as graph:
        yield graph


def scalar(name: str = "p") -> pb.Tensor:
    return pb.placeholder("f32", (), name=name)


def leaked(p: pb.Tensor) -> list[pb.Tensor]:
    """Tensors made inside of a loop and of a branch, and a value that a loop carries."""
    found: list[pb.Tensor] = []

    def body(i: pb.Tensor, s: pb.Tensor) -> list[pb.Tensor]:
        found.extend([s * p, s])
        return [i + 1, found[0]]

    def branch() -> pb.Tensor:
        found.append(p * 5.0)
        return p

    pb.while_loop(lambda i, _: i < 2, body, [0, p])
    pb.cond(p > 0.0, branch, lambda: p)
    return found


USES: dict[str, Callable[[pb.Tensor, pb.Tensor], Any]] = {
    "operand": lambda t, p: pb.add(t, p),
    "list": lambda t, p: pb.stack([p, t]),
    "ys": lambda t, p: pb.gradients(t, [p]),
    "xs": lambda t, p: pb.gradients(p, [t]),
    "grad_ys": lambda t, p: pb.gradients(p, [p], grad_ys=[t]),
    "stop_gradients": lambda t, p: pb.gradients(p, [p], stop_gradients=[t]),
    "explain": lambda t, p: pb.explain(t, p),
    "hessians": lambda t, p: pb.hessians(t, [p]),
    "check_gradients": lambda t, p: pb.check_gradients(t, [p]),
    "control_dependencies": lambda t, p: pb.control_dependencies([t]).__enter__(),
    "group": lambda t, p: pb.group(t),
    "tuple": lambda t, p: pb.tuple([t, p]),
    "control_inputs": lambda t, p: pb.tuple([p], control_inputs=[t]),
    "assign": lambda t, p: pb.Variable(np.float32(1.0)).assign(t),
    "loop variable": lambda t, p: pb.while_loop(lambda i: i < 1.0, lambda i: i + 1.0, [t]),
    "captured": lambda t, p: pb.while_loop(lambda i: i < p, lambda i: i + t, [p]),
    "body": lambda t, p: pb.while_loop(lambda i: i < p, lambda i: t, [p]),
    "branch": lambda t, p: pb.cond(p > 0.0, lambda: t, lambda: p),
    "fetch": lambda t, p: pb.run(t, {p: 1.0}),
    "output": lambda t, p: pb.compile([p], [t]),
    "fed": lambda t, p: pb.run(p, {t: 1.0}),
}


@pytest.mark.parametrize("use", USES)
def test_what_is_made_inside_is_refused_outside(use: str) -> None:
    p = scalar()
    for tensor in leaked(p):
        with pytest.raises(ValueError, match=rf"'{tensor.name}'.* (made inside|is defined inside)"):
            USES[use](tensor, p)


def test_the_message_names_tensor_and_loop() -> None:
    p = scalar()
    with pytest.raises(
        ValueError, match="'while/multiply' was made inside of the loop or branch 'while/while'"
    ):
        pb.exp(leaked(p)[0])


def test_a_condition_is_outside_of_its_body() -> None:
    p = scalar()
    seen: list[pb.Tensor] = []

    def going_on(s: pb.Tensor) -> pb.Tensor:
        seen.append(s * 2.0)
        return s < 9.0

    with pytest.raises(ValueError, match="made inside of the loop"):
        pb.while_loop(going_on, lambda s: s + seen[0], [p])


def test_inner_bodies_see_outer_ones() -> None:
    p = scalar()

    def outer(i: pb.Tensor, s: pb.Tensor) -> list[pb.Tensor]:
        t = s * p
        return [i + 1, pb.cond(t > 0.0, lambda: t + s, lambda: pb.exp(t))]

    y = pb.while_loop(lambda i, _: i < 2, outer, [0, p])[1]
    assert pb.run(y, {p: 2.0}) == 18


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_placeholders_need_nothing(target: str) -> None:
    p = scalar()
    with pb.control_dependencies([p]):
        y = p * 2.0
    nothing = pb.group(p)
    (gated,) = pb.tuple([y], control_inputs=[p])
    assert pb.run([y, nothing, gated], {p: 3.0}, target=target) == [6, None, 6]


def test_what_a_loop_carries_needs_nothing_inside() -> None:
    p = scalar()

    def body(i: pb.Tensor, s: pb.Tensor) -> list[pb.Tensor]:
        with pb.control_dependencies([s, s * p, p]):
            return [i + 1, s + 1.0]

    assert pb.run(pb.while_loop(lambda i, _: i < 2, body, [0, p])[1], {p: 3.0}) == 5


def test_a_group_of_placeholders_is_of_their_graph() -> None:
    p = scalar()
    with pb.Graph():
        assert pb.group(p).graph is not pb.group().graph


def test_what_was_taken_back_is_said_to_be_gone() -> None:
    p = scalar()
    found: list[pb.Tensor] = []

    def branch() -> pb.Tensor:
        found.append(p * 5.0)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        pb.cond(p > 0.0, branch, lambda: p)
    with pytest.raises(ValueError, match="belongs to no graph: what it was made for has failed"):
        pb.exp(found[0])
    with pytest.raises(ValueError, match="belongs to no graph"):
        pb.gradients(found[0], [p])
