"""Blocks of windows in registers: all rows are in some block, and blocks are as large as pays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.passes.lowering.register_blocks import NEW_TERM, RegisterBlocks, window_tile
from pullback.passes.lowering.vector_registers import register_count


@given(
    st.integers(1, 400),
    st.integers(1, 200),
    st.sampled_from([128, 256, 512]),
    st.sampled_from([0, NEW_TERM]),
    st.sampled_from([1, 2]),
)
def test_blocks_hold_all_rows_and_fit_registers(
    extent: int, columns: int, bits: int, delay: int, fmas: int
) -> None:
    rows, vectors = window_tile([extent], columns, bits // 32, bits, fmas)
    blocks = RegisterBlocks.of(extent, rows, vectors, delay, fmas)
    assert blocks.full + blocks.rest == extent
    assert blocks.rest < blocks.rows <= rows
    assert blocks.rows * vectors + vectors < register_count(bits)


@pytest.mark.parametrize(
    ("extent", "most", "vectors", "delay", "rows"),
    [(64, 14, 2, 0, 8), (64, 14, 2, NEW_TERM, 14), (96, 14, 2, NEW_TERM, 12), (16, 28, 1, NEW_TERM, 16)],
)
def test_rows_of_a_block(extent: int, most: int, vectors: int, delay: float, rows: int) -> None:
    assert RegisterBlocks.of(extent, most, vectors, delay).rows == rows
