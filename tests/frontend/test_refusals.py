"""What a hurried user may pass: a message that names the argument, never an accident inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

WRONG: Any = pb
"""The module again, without types: what is passed here is wrong on purpose."""

REFUSED: dict[str, tuple[str, Callable[[pb.Tensor], object]]] = {
    "a shape that is no list": (
        "'p': expected up to 8 extents.* got 3",
        lambda x: WRONG.placeholder("f32", 3, "p"),
    ),
    "half an extent": (r"got \(3.5,\)", lambda x: WRONG.placeholder("f32", (3.5,))),
    "a shape in letters": ("got 'ab'", lambda x: WRONG.placeholder("f32", "ab")),
    "one input, no list": ("inputs: expected a list of tensors, got Tensor", lambda x: WRONG.compile(x, x)),
    "feeds in a list": ("feeds: expected a dict", lambda x: WRONG.run(x, [x])),
    "a scope that is a number": ("3 is no name", lambda x: WRONG.name_scope(3).__enter__()),
    "one loop variable, no list": (
        "loop_vars: expected a list",
        lambda x: WRONG.while_loop(lambda i: i < 3, lambda i: i + 1, 0),
    ),
    "a tensor as an array": ("compute them with run", lambda x: np.asarray(x)),
}


@pytest.mark.parametrize(("message", "act"), REFUSED.values(), ids=REFUSED)
def test_refused(message: str, act: Callable[[pb.Tensor], object]) -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (3,))
        before = str(g)
        with pytest.raises((ValueError, TypeError), match=message):
            act(x)
        assert str(g) == before
