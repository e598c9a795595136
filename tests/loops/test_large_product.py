"""Blocks of large products: what is copied fits, all is covered, and threads have enough to share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.passes.loops.products.large_product import LINE_BYTES, RESUMED_BYTES, LargeBlocks, LargeProduct

LONGEST = 1024


@given(
    panels=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    panel=st.tuples(st.integers(1, 14), st.sampled_from([8, 16, 32, 64])),
    terms=st.integers(1, 8192),
    element=st.sampled_from([4, 8]),
    matrices=st.integers(1, 9),
)
def test_blocks_fit_and_cover_all(
    panels: tuple[int, int], panel: tuple[int, int], terms: int, element: int, matrices: int
) -> None:
    blocks = LargeProduct(panels, panel, terms, element, matrices).blocks(LONGEST)
    rows, columns, together = (
        -(-size // count)
        for size, count in ((panels[0], blocks.down), (panels[1], blocks.across), (terms, blocks.terms))
    )
    assert 1 <= blocks.down <= panels[0]
    assert -(-panels[1] // columns) == blocks.across
    assert rows * blocks.down >= panels[0]
    assert together <= min(LONGEST, max(LINE_BYTES // element, 1))
    assert columns == 1 or columns * panel[1] * together * element <= RESUMED_BYTES
    if panels[1] >= 64:
        assert matrices * blocks.down * blocks.across >= 8


@pytest.mark.parametrize(
    ("panels", "panel", "terms", "element", "expected"),
    [
        ((125, 42), (8, 24), 1000, 8, LargeBlocks(1, 9, 2)),
        ((125, 21), (8, 48), 1000, 4, LargeBlocks(1, 11, 1)),
        ((96, 32), (8, 24), 768, 8, LargeBlocks(1, 8, 2)),
        ((171, 16), (6, 64), 1024, 4, LargeBlocks(1, 8, 1)),
    ],
)
def test_blocks_of_terms_are_as_long_as_their_bytes_allow(
    panels: tuple[int, int], panel: tuple[int, int], terms: int, element: int, expected: LargeBlocks
) -> None:
    """Two blocks of 500 terms of f64, not four of 250: to add to 8 MB of sums takes longer than to read rows again."""
    assert LargeProduct(panels, panel, terms, element).blocks(LONGEST) == expected
