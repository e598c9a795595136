"""Products and convolutions of integers in kernels: the lower bits of sums, as in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import main_function
from pullback.passes.lowering.support import runs_on_host
from pullback.tests.targets import COMPILED

DTYPES = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
Product = tuple[tuple[int, ...], tuple[int, ...], Callable[[Any, Any], Any]]
SMALL: list[Product] = [
    ((17, 33), (33, 5), lambda a, b: a @ b),
    ((33, 17), (40, 33), lambda a, b: pb.matmul(a, b, transpose_a=True, transpose_b=True)),
    ((3, 2, 9, 20), (2, 20, 7), lambda a, b: pb.relu(a @ b + 5)),
    ((2, 7, 8, 4), (3, 3, 2, 6), lambda x, f: pb.conv2d(x, f, 1, "SAME")),
    ((1, 9, 9, 4), (3, 3, 1, 4), lambda x, f: pb.conv2d(x, f, 2, "VALID")),
]
LARGE: list[Product] = [
    ((70, 300), (300, 257), lambda a, b: a @ b),
    ((3000, 24), (3000, 40), lambda a, b: pb.matmul(a, b, transpose_a=True)),
    ((2, 0), (0, 3), lambda a, b: a @ b),
    ((1009,), (1009,), lambda a, b: pb.einsum("i,i->", a, b)),
]


def _step(target: str, dtype: str, products: list[Product]) -> tuple[Any, list[Any]]:
    rng = np.random.default_rng(3)
    arrays = [
        rng.integers(-(2**62), 2**62, shape).astype(DTYPES[dtype])
        for *shapes, _ in products
        for shape in shapes
    ]
    with pb.Graph():
        inputs = [pb.placeholder(dtype, a.shape) for a in arrays]
        outputs = [make(*inputs[2 * n : 2 * n + 2]) for n, (*_, make) in enumerate(products)]
        return pb.compile(inputs, outputs, target=target), arrays


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("dtype", DTYPES)
def test_they_are_those_of_numpy_to_the_bit(dtype: str, target: str) -> None:
    products = SMALL + LARGE * (target == "cpu")
    step, arrays = _step(target, dtype, products)
    module = parse(context(), step.ir("kernels")).module
    assert not any(runs_on_host(op) for op in main_function(module).body.block.ops)
    expected, _ = _step("numpy", dtype, products)
    for a, b in zip(step(*arrays), expected(*arrays), strict=True):
        np.testing.assert_array_equal(a, b)
