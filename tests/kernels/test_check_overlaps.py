"""The check of memory plans finds what overlaps as if it compared all with all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.dialects.graph.kernel.buffer import BufferAttr
from pullback.passes.kernels.check.check_overlaps import Living, Placed
from pullback.passes.kernels.memory.lifetimes import Storage

RANGES = st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(0, 6))
"""Where storages begin, their sizes, and for how long they are needed."""


@given(st.lists(RANGES, max_size=30))
@settings(max_examples=60)
def test_living_storages_that_overlap(ranges: list[tuple[int, int, int]]) -> None:
    living, added = Living(), list[Placed]()
    for start, (begin, size, length) in enumerate(ranges):
        new = Placed(Storage([], size, start, start + length, None), BufferAttr.arena(begin), begin)
        expected = [old for old in added if old.storage.end >= start and old.overlaps(new)]
        found = living.overlapped_by(new)
        assert sorted(old.storage.start for old in found) == [old.storage.start for old in expected]
        if all(old.range == new.range for old in expected):  # the check refuses any other
            living.add(new)
            added.append(new)
