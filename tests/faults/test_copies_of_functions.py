"""Functions and their transforms could be neither pickled nor copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.faults.copying import COPIES


@pytest.fixture(params=COPIES.values(), ids=list(COPIES))
def copied(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return request.param


def cube(x: Any) -> Any:
    return x * x * x


@pb.function
def squared(x: Any) -> Any:
    return x * x


@pb.function(static=["power"])
def raised(x: Any, power: int) -> Any:
    return x**power


@dataclass
class Model:
    w: pb.Variable
    scale: float = field(metadata={"static": True}, default=2.0)

    def __call__(self, x: Any) -> Any:
        return x * self.w * self.scale


def test_functions_are_copied_as_those_of_python_are(copied: Callable[[Any], Any]) -> None:
    assert squared(3.0) == 9
    assert copied(squared) is squared
    assert copied([raised])[0] is raised
    other = copied(pb.function(cube, target="numpy"))
    assert other(2.0) == 8 and other.target == "numpy" and other.__name__ == "cube"
    assert copied(pb.function(cube, static=[])).static == ()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: pb.grad(cube), 12),
        (lambda: pb.grad(squared), 4),
        (lambda: pb.grad(pb.grad(cube)), 12),
        (lambda: pb.value_and_grad(cube), (8, 12)),
        (lambda: pb.jacobian(cube), 12),
        (lambda: pb.hessian(cube), 12),
        (lambda: pb.grad(raised), 12),
    ],
)
def test_transforms_are_copied_with_their_functions(
    make: Callable[[], Any], expected: Any, copied: Callable[[Any], Any]
) -> None:
    for f in (make(), copied(make())):
        assert f.__name__ in ("cube", "squared", "raised")
        found = f(2.0, power=3) if f.__name__ == "raised" else f(2.0)
        assert np.array_equal(found, expected)
        copied(f)  # traced ones, too


def test_pulling_back_is_copied(copied: Callable[[Any], Any]) -> None:
    outputs, pull_back = pb.vjp(cube, np.float64(2))
    assert outputs == 8 and copied(pull_back)(1.0)[0] == pull_back(1.0)[0] == 12


def test_a_function_follows_the_model_that_it_is_copied_with(copied: Callable[[Any], Any]) -> None:
    model = Model(pb.Variable(np.float32(3), name="w"))
    step = pb.function(model.__call__, target="numpy")
    assert step(1.0) == 6
    other, same = copied((model, step))
    assert other.w is not model.w
    other.w.array[...] = 5
    assert same(1.0) == 10 and step(1.0) == 6


MADE: list[pb.Variable] = []


def counts(x: Any) -> Any:
    if not MADE:
        MADE.append(pb.Variable(np.float32(0), name="count"))
    MADE[0].assign_add(x)
    return MADE[0]


def forgets(x: Any) -> Any:
    v = pb.Variable(np.float32(0), name="lost")
    v.assign_add(x)
    return v


def test_a_copy_does_not_make_variables_anew(copied: Callable[[Any], Any]) -> None:
    MADE.clear()
    f = pb.function(counts)
    f(1.0)
    assert copied(f)(1.0) == 2 and f(1.0) == 3
    g = pb.function(forgets)
    untraced = copied(g)
    assert g(1.0) == 1 and untraced(1.0) == 1
    with pytest.raises(ValueError, match="variable 'lost' is made by a function that was traced before"):
        copied(g)(1.0)
