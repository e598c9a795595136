"""Places in the host arena: none overlaps another that is held, and released ones are taken again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pullback.passes.gpu.host_arena import ALIGNMENT, HostArena

STEPS = st.lists(st.one_of(st.integers(0, 300), st.just(None)), max_size=40)
"""Sizes to take; None releases the place that has been held longest."""


@given(STEPS)
def test_places_do_not_overlap(steps: list[int | None]) -> None:
    arena, held = HostArena(), dict[int, int]()
    most = 0
    for size in steps:
        if size is not None:
            start = arena.take(size)
            assert start % ALIGNMENT == 0
            assert all(start + size <= at or at + length <= start for at, length in held.items())
            assert start not in held
            held[start] = size
        elif held:
            arena.release(next(iter(held)))
            del held[next(iter(held))]
        most = max([most, *(at + length for at, length in held.items())])
        assert most <= arena.size


def test_a_released_place_is_the_first_to_be_taken() -> None:
    arena = HostArena()
    places = [arena.take(size) for size in (64, 1, 0, 65)]
    assert places == [0, 64, 128, 192]
    arena.release(64)
    arena.release(128)
    assert arena.take(100) == 64
    assert arena.take(1) == 320
    assert arena.size == 384
