"""Products have the same bits on 1, 2 and 5 threads: packed and where they lie, skinny, of many terms, in batches."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest

import pullback as pb
from pullback.tests.driver.host_cases import dtype_of

TOLERANCES = {"f32": 1e-5, "f64": 1e-13, "f16": 2e-3}
"""Of errors, relative to the largest element."""
SHAPES = {
    "where they lie": ((), 65, 40, 48),
    "packed, with edges": ((), 301, 257, 130),
    "of many terms": ((), 150, 70, 1500),
    "few rows": ((), 3, 500, 700),
    "one column": ((), 515, 1, 600),
    "in batches": ((5,), 70, 90, 64),
    "many terms": ((), 19, 37, 4099),
}
"""The batch, rows, columns and terms."""


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    yield
    pb.set_num_threads(None)


@pytest.mark.parametrize("transposes", ["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.matrix(4)
def test_bits_of_products(dtype: str, transposes: str, rng: np.random.Generator) -> None:
    a, b = (t == "t" for t in transposes)
    operands: list[np.ndarray] = []
    for batch, rows, columns, terms in SHAPES.values():
        operands.append(rng.uniform(-1, 1, (*batch, *((terms, rows) if a else (rows, terms)))))
        operands.append(rng.uniform(-1, 1, (*batch, *((columns, terms) if b else (terms, columns)))))
    operands = [operand.astype(dtype_of(dtype)) for operand in operands]
    with pb.Graph():
        given = [pb.placeholder(dtype, operand.shape) for operand in operands]
        pairs = zip(given[::2], given[1::2], strict=True)
        step = pb.compile(
            given, [pb.matmul(x, y, transpose_a=a, transpose_b=b) for x, y in pairs], target="cpu"
        )
    bits: dict[int, list[bytes]] = {}
    for count in (1, 2, 5):
        pb.set_num_threads(count)
        found = step(*operands)
        bits[count] = [np.asarray(product).tobytes() for product in found]
        assert bits[count] == bits[1], f"products depend on the number of threads: {count}"
        assert ", host" not in step.ir("kernels")
    for name, x, y, product in zip(SHAPES, operands[::2], operands[1::2], found, strict=True):
        wide = [np.swapaxes(v, -1, -2) if t else v for v, t in ((x, a), (y, b))]
        expected = np.matmul(*(v.astype(np.float64) for v in wide))
        off = np.abs(np.asarray(product, np.float64) - expected).max() / np.abs(expected).max()
        assert off < TOLERANCES[dtype], f"{name}: off by {off}"
