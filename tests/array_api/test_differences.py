"""Differences from the Array API standard: exactly those that the documentation lists."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import array_api_strict as xp
import numpy as np
import pytest

import pullback as pb
from pullback.tests.array_api.calls import FUNCTIONS, SHARED, Call, assert_agree, ours, strict
from pullback.tests.array_api.draws import same
from pullback.tests.array_api.recipes import RECIPES
from pullback.tools.generate.array_api import ARGUMENTS, DIFFERS, LEFT_OUT, VERSION

BYTES, LINE = np.array([100, 100], np.int8), np.array([0.5, 1.5, 2.5])
TALL = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])

WITNESSES: dict[str, Call] = {
    "arange": Call((3,)),
    "clip": Call((LINE,), {"min": np.array(2.0), "max": np.array(1.0)}),
    "cumulative_prod": Call((BYTES,)),
    "cumulative_sum": Call((BYTES,)),
    "empty": Call(((2,),)),
    "eye": Call((2,)),
    "full": Call(((2,), 1.0)),
    "linspace": Call((0.0, 1.0, 3)),
    "ones": Call(((2,),)),
    "matrix_rank": Call((TALL,), {"rtol": np.array(0.1)}),
    "pinv": Call((TALL,), {"rtol": np.array(0.1)}),
    "prod": Call((BYTES,)),
    "qr": Call((TALL,), {"mode": "complete"}),
    "repeat": Call((LINE, np.array([0, 1, 2]))),
    "sum": Call((BYTES,)),
    "svd": Call((TALL,)),
    "take": Call((LINE, np.array([-1]))),
    "take_along_axis": Call((LINE, np.array([-1]))),
    "trace": Call((np.full((2, 2), 100, np.int8),)),
    "zeros": Call(((2,),)),
}
"""A call of each function of `DIFFERS` that shows the difference."""


def outcome(function: Callable[[str, Call], Any], name: str) -> Any:
    """What a call gives, or the kind of error that it is."""
    try:
        return function(name, WITNESSES[name])
    except (ValueError, TypeError, IndexError) as error:
        return type(error).__name__


@pytest.mark.parametrize("name", DIFFERS)
def test_what_is_said_to_differ_does(name: str) -> None:
    with pytest.raises(AssertionError):
        assert_agree(outcome(ours, name), outcome(strict, name))


def test_what_the_standard_says_in_another_way_is_said_to_differ() -> None:
    reworded = {name for name in SHARED if RECIPES[name].standard is not same}
    assert reworded <= DIFFERS.keys()


@pytest.mark.parametrize("name", SHARED)
def test_arguments(name: str) -> None:
    """Whatever the standard gives by name can be given so, and is the same when it is not given."""
    own = inspect.signature(getattr(pb, name)).parameters
    for argument, stated in inspect.signature(FUNCTIONS[name]).parameters.items():
        if stated.kind in (stated.POSITIONAL_ONLY, stated.VAR_POSITIONAL) or argument in ARGUMENTS:
            continue
        assert argument in own
        assert own[argument].default == stated.default or stated.default is stated.empty or name in DIFFERS


def test_every_function_is_there_or_left_out() -> None:
    assert not LEFT_OUT.keys() & set(SHARED)
    assert FUNCTIONS.keys() == LEFT_OUT.keys() | set(SHARED)
    assert RECIPES.keys() == set(SHARED)
    assert DIFFERS.keys() == WITNESSES.keys() <= set(SHARED)


def test_the_edition_of_the_standard() -> None:
    assert xp.get_array_api_strict_flags()["api_version"] == VERSION
