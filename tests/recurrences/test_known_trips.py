"""How often loops run, as the text says, beside how often they do."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.dialects.graph.state.control_flow import While
from pullback.passes.recurrences.known_trips import Progression, counter_of, sequence_of, trip_count
from pullback.passes.recurrences.loop_values import yield_of

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "not_equal": operator.ne,
}
MOST = 50
"""A loop that runs so often in the tests is taken for one that does not end."""


def counting(first: int, step: int, holds: str, bound: int, exchanged: bool = False) -> While:
    """A loop with one counter."""
    compare = getattr(pb, holds)
    with pb.Graph():
        i = pb.while_loop(
            lambda i: compare(bound, i) if exchanged else compare(i, bound),
            lambda i: i + step,
            pb.constant(first, "i32"),
        )
    loop = i.value.owner
    assert isinstance(loop, While)
    return loop


def trips_of(first: int, step: int, holds: Callable[[int], bool]) -> int | None:
    trips = 0
    while holds(first + trips * step):
        trips += 1
        if trips > MOST:
            return None
    return trips


numbers = st.integers(-12, 12)


@settings(max_examples=80, deadline=None)
@given(numbers, numbers, st.sampled_from([*COMPARISONS]), numbers, st.booleans())
def test_known_trips_are_those_that_loops_make(
    first: int, step: int, holds: str, bound: int, exchanged: bool
) -> None:
    compare = COMPARISONS[holds]
    loop = counting(first, step, holds, bound, exchanged)
    found = trip_count(loop)
    made = trips_of(first, step, lambda i: bool(compare(bound, i) if exchanged else compare(i, bound)))
    if found is not None:
        assert found == made
    elif made is not None and holds != "not_equal":
        pytest.fail(f"{made} trips are not known")


def test_a_counter_that_leaves_its_dtype_has_no_known_trips() -> None:
    assert trip_count(counting(2**31 - 3, 2, "less_equal", 2**31 - 1)) is None
    assert trip_count(counting(2**31 - 3, 1, "less", 2**31 - 1)) == 2


def test_what_depends_on_the_data_has_no_known_trips() -> None:
    with pb.Graph():
        x = pb.placeholder("i32", ())
        y, _ = pb.while_loop(lambda y, i: y < x, lambda y, i: (y + 1, i + 1), [pb.constant(0, "i32"), x])
    loop = y.value.owner
    assert isinstance(loop, While)
    assert trip_count(loop) is None
    assert counter_of(loop, 0) == Progression(0, 1)
    assert counter_of(loop, 1) is None


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (lambda i: i, [0, 1, 2, 3, 4]),
        (lambda i: 4 - i, [4, 3, 2, 1, 0]),
        (lambda i: pb.where(i < 0, i + 5, i), [0, 1, 2, 3, 4]),
        (lambda i: pb.where(i - 5 < 0, i + 7, i), [7, 8, 9, 10, 11]),
        (lambda i: pb.cast(i + i, "i64"), [0, 2, 4, 6, 8]),
        (lambda i: pb.where(i < 2, i + 5, i), None),
        (lambda i: i * i, None),
    ],
)
def test_indices_that_are_evenly_spaced(index: Callable[[Any], Any], expected: list[int] | None) -> None:
    with pb.Graph():
        _, j = pb.while_loop(
            lambda i, j: i < 5,
            lambda i, j: (i + 1, pb.cast(index(i), "i64")),
            [pb.constant(0, "i32"), pb.constant(0, "i64")],
        )
    loop = j.value.owner
    assert isinstance(loop, While)
    found = sequence_of(yield_of(loop).operands[1], loop, 5)
    assert (found and [found.at(trip) for trip in range(5)]) == expected
    assert expected is None or np.all(np.diff(expected) == expected[1] - expected[0])
