"""Limits of matrix products on GPUs: the check of level `kernels` asks for them before a kernel is lowered.

The tile, the threads and the split of a schedule, which may have been edited by hand, must fit each other, the product,
and the shared memory of a block.
"""

from __future__ import annotations

from math import prod

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.gpu.products.product_kernel import factors_of
from pullback.passes.gpu.products.product_space import ProductSpace
from pullback.passes.gpu.products.product_tiles import MOST_RESULTS, ProductTiles
from pullback.passes.lowering.outputs import is_border
from pullback.passes.lowering.space import schedule_of
from pullback.passes.lowering.tuning import tuned

MOST_IN_TILE = (256, 256, 64)
"""The most rows, columns and terms of a tile."""
EXAMPLE = "as in tile = [64, 64, 16]"


def check_product(kernel: Kernel, shared_bytes: int = SHARED_BYTES) -> None:
    """Whether the tile, the threads and the split of a product fit each other, and a block's shared memory.

    Args:
        kernel: of a product.
        shared_bytes: the shared memory that a block may have.

    Raises:
        DiagnosticError: they do not.
    """
    if any(map(is_border, kernel.body.block.ops)):
        raise DiagnosticError("no GPU kernel of a product with a border around its result yet", kernel)
    _check_tile(kernel, schedule_of(kernel).gpu.tile)
    space, tiles = ProductSpace.of_kernel(kernel), ProductTiles.of(tuned(kernel, "gpu").gpu)
    _check_threads(kernel, tiles)
    _check_split(kernel, tiles)
    needed = sum(factor.shared_bytes for factor in factors_of(space, tiles))
    if needed > shared_bytes:
        raise DiagnosticError(
            f"schedule: a tile of [{tiles.rows}, {tiles.columns}, {tiles.terms}] takes {needed} bytes of shared "
            f"memory; expected at most {shared_bytes}: give the tile fewer rows, columns or terms",
            kernel,
        )


def _check_tile(kernel: Kernel, tile: tuple[int, ...]) -> None:
    if not tile:
        return
    fits = len(tile) == 3 and all(
        1 <= number <= most and not number & (number - 1)
        for number, most in zip(tile, MOST_IN_TILE, strict=True)
    )
    if not fits:
        rows, columns, terms = MOST_IN_TILE
        raise DiagnosticError(
            f"schedule: tile is {list(tile)}; expected powers of two: rows up to {rows}, columns up to {columns} and "
            f"terms up to {terms}, {EXAMPLE}",
            kernel,
        )


def _check_threads(kernel: Kernel, tiles: ProductTiles) -> None:
    results = tiles.rows * tiles.columns
    if results < tiles.threads:
        raise DiagnosticError(
            f"schedule: a tile of {tiles.rows} x {tiles.columns} results is too small for {tiles.threads} threads; "
            "expected a result for each of them",
            kernel,
        )
    if results > MOST_RESULTS * tiles.threads:
        raise DiagnosticError(
            f"schedule: a tile of {tiles.rows} x {tiles.columns} results leaves {results // tiles.threads} to each of "
            f"{tiles.threads} threads; expected at most {MOST_RESULTS}, which are kept in registers",
            kernel,
        )


def _check_split(kernel: Kernel, tiles: ProductTiles) -> None:
    terms = prod(schedule_of(kernel).reduce)
    most = max(tiles.steps(terms), 1)
    if not 1 <= tiles.split <= most:
        raise DiagnosticError(
            f"schedule: split is {tiles.split}; expected a number from 1 to {most}: {terms} terms fill {most} tiles of "
            f"{tiles.terms}",
            kernel,
        )
