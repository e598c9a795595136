"""Which commands wait for which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pullback.backends.cuda_runtime.dependencies import RangeAccess, conflict, merged, predecessors

RANGES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda r: (r[0], r[0] + r[1])), max_size=2
)
COMMANDS = st.lists(st.builds(RangeAccess, RANGES, RANGES), max_size=12)


def behind(before: Sequence[Sequence[int]]) -> list[set[int]]:
    """For each command all that are done before it begins."""
    found: list[set[int]] = []
    for direct in before:
        found.append({*direct, *(earlier for each in direct for earlier in found[each])})
    return found


@given(COMMANDS)
def test_what_shares_bytes_is_ordered_and_nothing_twice(commands: list[RangeAccess]) -> None:
    before = predecessors(commands)
    done = behind(before)
    for number, command in enumerate(commands):
        for earlier in range(number):
            assert not conflict(commands[earlier], command) or earlier in done[number]
        for direct in before[number]:
            assert conflict(commands[direct], command)
            assert not any(direct in done[other] for other in before[number])


def test_a_chain_and_what_is_beside_it() -> None:
    commands = [
        RangeAccess([], [(0, 8)]),
        RangeAccess([(0, 4)], [(8, 12)]),
        RangeAccess([(4, 8)], [(12, 16)]),
        RangeAccess([(8, 16)], [(0, 8)]),
        RangeAccess([(20, 24)], [(24, 28)]),
    ]
    assert predecessors(commands) == [[], [0], [0], [1, 2], []]


@given(RANGES)
def test_merged_ranges_have_the_same_bytes(ranges: list[tuple[int, int]]) -> None:
    made = merged(ranges)
    assert {b for start, end in made for b in range(start, end)} == {b for r in ranges for b in range(*r)}
    assert all(a[1] < b[0] for a, b in pairwise(made))
