"""Tiles of matrix products on GPUs where a schedule states none."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.passes.gpu.products.product_space import ProductSpace
from pullback.passes.gpu.products.product_tiles import ProductTiles
from pullback.passes.lowering.tuning import tuned
from pullback.tests.gpu.test_products import Size, schedule
from pullback.tests.loops.kernel_cases import kernel_function


def tiles_of(
    size: Size, batch: tuple[int, ...] = (), by_one: bool = False
) -> tuple[ProductTiles, ProductSpace]:
    """The tiles of a product that is never made; `by_one` multiplies all matrices of the batch by the same."""
    m, k, n = size
    shapes = (*batch, m, k), (k, n) if by_one else (*batch, k, n)
    arrays = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
    _, kernel = kernel_function(schedule((*batch, m, n), k), arrays, lambda x, y: [MatMul.product(x, y)])
    return ProductTiles.of(tuned(kernel, "gpu").gpu), ProductSpace.of_kernel(kernel)


DEFAULTS: dict[Size, ProductTiles] = {
    (4096, 4096, 4096): ProductTiles(128, 128, 8, 256, 3),
    (16384, 16384, 16384): ProductTiles(64, 64, 16, 256, 1),
    (1024, 512, 4096): ProductTiles(128, 128, 8, 256, 1),
    (1024, 512, 2048): ProductTiles(64, 64, 16, 256, 1),
    (1000, 3000, 1003): ProductTiles(64, 64, 16, 256, 2),
    (8200, 512, 2050): ProductTiles(128, 128, 8, 256, 1),
    (130, 512, 30000): ProductTiles(64, 64, 16, 256, 1),
    (16, 1_000_000, 16): ProductTiles(16, 16, 32, 64, 1024),
    (1, 4096, 4096): ProductTiles(1, 64, 32, 64, 4),
    (10, 10, 10): ProductTiles(16, 16, 16, 64, 1),
    (1, 1, 1): ProductTiles(4, 8, 1, 32, 1),
}


@pytest.mark.parametrize("size", DEFAULTS, ids=str)
def test_defaults(size: Size) -> None:
    assert tiles_of(size)[0] == DEFAULTS[size]


@given(st.tuples(*[st.integers(0, 12)] * 3), st.lists(st.integers(0, 12), max_size=2), st.booleans())
def test_large_products_fill_a_device(exponents: Size, of_batch: list[int], by_one: bool) -> None:
    (m, k, n), batch = (tuple(2**x - x // 3 for x in xs) for xs in (exponents, of_batch))
    tiles, space = tiles_of((m, k * k, n), batch, by_one)
    assert space.results * k * k <= 1 << 20 or prod(tiles.grid(space)) >= 128
    assert tiles.threads <= tiles.rows * tiles.columns <= 64 * tiles.threads
    assert tiles.split <= max(tiles.steps(k * k), 1)


def test_matrices_times_the_same_one_are_one_matrix() -> None:
    tiles, space = tiles_of((6, 72, 16), (2, 6), by_one=True)
    assert (space.batch.size, space.rows.size, tiles.grid(space)) == (1, 72, (1, 1, 5, 1))
    tiles, space = tiles_of((6, 72, 16), (2, 6))
    assert (space.batch.size, space.rows.size, tiles.grid(space)) == (12, 6, (1, 12, 1, 1))
