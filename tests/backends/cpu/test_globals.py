"""Constants of programs in LLVM IR: as numbers where they are few, else as bytes; the same values either way."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import pullback as pb
from pullback.backends.cpu.llvm.print_globals import LONGEST_LIST

DTYPES = ("f16", "bf16", "f32", "f64", "i8", "i16", "i32", "i64", "i1")
NUMPY = {"bf16": ml_dtypes.bfloat16, "i1": np.bool_}


def values_of(dtype: str, count: int) -> np.ndarray:
    """Numbers of all signs and sizes; in floats NaN, infinities and zeros of both signs, too."""
    random = np.random.default_rng(count)
    as_numpy = np.dtype(NUMPY.get(dtype) or dtype.replace("f", "float").replace("i", "int"))
    if dtype.startswith("i"):
        return random.integers(0 if dtype == "i1" else -100, 2 if dtype == "i1" else 100, count).astype(
            as_numpy
        )
    numbers = random.standard_normal(count) * 10.0 ** random.integers(-4, 4, count)
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0]
    numbers[: len(special)] = special[:count]
    return numbers.astype(as_numpy)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, LONGEST_LIST, LONGEST_LIST + 1, 1009])
def test_constants_keep_their_bits(dtype: str, count: int) -> None:
    values = values_of(dtype, count)
    with pb.Graph():
        index = pb.placeholder("i32", (None,))
        rows = pb.gather(pb.constant(values), index)
        step = pb.compile([index], [rows], target="cpu")
    order = np.random.default_rng(0).permutation(count).astype(np.int32)
    (found,) = step(order)
    assert np.asarray(found).tobytes() == values[order].tobytes()


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5])
def test_constants_of_equal_elements(value: float) -> None:
    values = np.full(1000, value, np.float32)
    with pb.Graph():
        index = pb.placeholder("i32", (None,))
        step = pb.compile([index], [pb.gather(pb.constant(values), index)], target="cpu")
    (found,) = step(np.arange(17, dtype=np.int32))
    assert np.asarray(found).tobytes() == values[:17].tobytes()
