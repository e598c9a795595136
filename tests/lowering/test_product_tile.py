"""The block of a product in vector registers: rows that have room in the first cache, and columns read in place."""

from __future__ import annotations

from math import gcd

import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import run_pipeline
from pullback.passes.lowering.vector_registers import (
    ENOUGH_SUMS,
    FIRST_SETS,
    FIRST_WAYS,
    last_width,
    product_tile,
    rows_in_sets,
)

PRODUCT = """
func.func @main(%a: tensor<{a}xf32>, %b: tensor<{b}xf32>) -> tensor<{result}xf32> {{
  %y = graph.matmul %a, %b {options} : (tensor<{a}xf32>, tensor<{b}xf32>) -> tensor<{result}xf32>
  func.return %y : tensor<{result}xf32>
}}"""
ROWS = [(16, 64), (24, 512), (64, 16), (100, 100), (128, 128), (256, 256), (512, 256)]


@pytest.mark.parametrize("lanes", [16, 8], ids=["f32", "f64"])
@pytest.mark.parametrize("row_bytes", [4096, 8192, 2048, 6144])
@pytest.mark.parametrize(("rows", "columns"), ROWS)
def test_rows_have_room_in_their_sets(rows: int, columns: int, row_bytes: int, lanes: int) -> None:
    """Elements of the rows of a block are read at each term: those in one set of the cache are not more than it has."""
    terms = row_bytes * lanes // 64
    for fmas in (1, 2):
        height, _ = product_tile(rows, columns, terms, lanes, 512, row_bytes=row_bytes, fmas=fmas)
        sets = {row * row_bytes % FIRST_SETS for row in range(height)}
        assert height <= FIRST_WAYS * len(sets)
    assert rows_in_sets(row_bytes) == FIRST_WAYS * FIRST_SETS // gcd(row_bytes, FIRST_SETS)


def test_copied_rows_may_be_many() -> None:
    """Copies of rows are an odd number of lines apart, as rows of other sizes are in many sets."""
    assert product_tile(256, 256, 1024, 16, 512)[0] > FIRST_WAYS
    assert product_tile(256, 256, 1008, 16, 512, row_bytes=4032)[0] > FIRST_WAYS
    assert rows_in_sets(0) > 64 and rows_in_sets(4032) >= 64


@pytest.mark.parametrize("lanes", [16, 8], ids=["f32", "f64"])
@pytest.mark.parametrize(("rows", "columns"), [*ROWS, (1, 512), (17, 1000), (1000, 1000)])
def test_one_fma_in_a_cycle_is_busy_with_fewer_sums(rows: int, columns: int, lanes: int) -> None:
    """Blocks are no larger than for two, nearly full, and multiply more than they load, where the product does."""
    for terms in (64, 300, 1024):
        height, width = product_tile(rows, columns, terms, lanes, 512, fmas=1)
        most = product_tile(rows, columns, terms, lanes, 512, fmas=2)
        assert height * width <= max(most[0] * most[1], ENOUGH_SUMS + 4)
        vectors = -(-columns // lanes)
        panels = vectors // width * width + (last_width(vectors, width) if vectors % width else 0)
        assert -(-rows // height) * height * panels <= 1.1 * rows * vectors
        assert rows < 4 or height * width >= min((height + width) * 4 / 7, rows * vectors)


def test_few_rows_in_two_panels() -> None:
    """A single vector of columns loads as often as it multiplies: 16 rows, as in a step of an LSTM, are two panels."""
    for columns, terms in ((512, 128), (512, 256)):
        height, vectors = product_tile(16, columns, terms, 16, 512)
        assert height == 8 and vectors >= 2


def test_rows_that_share_columns_are_of_one_matrix() -> None:
    """A batch of rows by one matrix has the block of so many rows; matrices of their own have that of each."""

    def tile(a: str, b: str, result: str, options: str = "") -> str:
        module = parse(context(), PRODUCT.format(a=a, b=b, result=result, options=options)).module
        run_pipeline(module, "finish,form-kernels{vector-bits=512}")
        return str(module).split("tile = [")[1].split("]")[0]

    shared = tile("4x256x1024", "1024x256", "4x256x256")
    assert shared == tile("1024x1024", "1024x256", "1024x256")
    assert shared != tile("4x256x1024", "4x1024x256", "4x256x256")
    assert tile("256x1024", "1024x256", "256x256") != tile("1024x256", "1024x256", "256x256", "{transpose_a}")
