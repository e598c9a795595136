"""Casts of floats out of an integer dtype's range: native code had LLVM's undefined results."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb

FLOATS: dict[str, npt.DTypeLike] = {
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f32": np.float32,
    "f64": np.float64,
}
INTEGERS: dict[str, npt.DTypeLike] = {
    "i8": np.int8,
    "u8": np.uint8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
}
IN_KERNELS = ("f32", "f64", "i1", "i32", "i64")


def targets_of(*dtypes: str) -> tuple[str, ...]:
    """Where such a cast runs: what is no kernel runs on the host, which the emulated device does not reach."""
    return (
        ("numpy", "cpu", "simt", "fibers")
        if all(dtype in IN_KERNELS for dtype in dtypes)
        else ("numpy", "cpu")
    )


def cases(sources: Iterable[str], results: Iterable[str]) -> list[tuple[str, str, str]]:
    return [(s, r, target) for s, r in product(sources, results) for target in targets_of(s, r)]


NUMBERS = [
    *(0.0, -0.0, 0.9, -0.9, 1.5, -1.5, 127.0, 128.0, 255.9, 256.0, 300.0, -129.0, 32767.0, 32768.0, 65536.0),
    *(7e4, 2.0**31 - 128, 2.0**31 - 0.5, 2.0**31, -(2.0**31), -(2.0**31) - 0.5, -(2.0**31) - 1, 3e9, -3e9),
    *(2.0**32 + 5, 2.0**53, 2.0**63 - 1024, 2.0**63, -(2.0**63), -(2.0**63) - 2048, 1e19, 2.0**64 + 1e5),
    *(1e30, -1e30, 1e-40, 5e-324, float("inf"), float("-inf"), float("nan")),
]


def by_hand(number: float, dtype: np.dtype[Any]) -> int:
    """The rule in Python's integers, which have no width."""
    bits = 64 if dtype.itemsize == 8 else 32
    smallest = -(2 ** (bits - 1))
    whole = math.trunc(number) if math.isfinite(number) else smallest
    whole = whole if smallest <= whole < -smallest else smallest
    width, is_signed = 8 * dtype.itemsize, dtype.kind == "i"
    whole %= 2**width
    return whole - 2**width if is_signed and whole >= 2 ** (width - 1) else whole


def numbers_of(source: str) -> npt.NDArray[Any]:
    with np.errstate(over="ignore"):
        return np.array(NUMBERS).astype(FLOATS[source])


def expected(array: npt.NDArray[Any], integer: str) -> npt.NDArray[Any]:
    dtype = np.dtype(INTEGERS[integer])
    return np.array([by_hand(float(x), dtype) for x in array.ravel()], dtype).reshape(array.shape)


@pytest.mark.parametrize(("source", "integer", "target"), cases(FLOATS, INTEGERS))
def test_values_and_constants_follow_one_rule(source: str, integer: str, target: str) -> None:
    array = numbers_of(source)
    with pb.Graph():
        x = pb.placeholder(source, array.shape, name="x")
        filled = [pb.cast(pb.full((3,), number, dtype=source), integer) for number in array[-6:].tolist()]
        outputs = [pb.cast(x, integer), pb.cast(pb.constant(array), integer), *filled]
        step = pb.compile([x], outputs, target=target)
        of_values, of_constants, *of_fills = step(array)
    np.testing.assert_array_equal(of_values, expected(array, integer))
    np.testing.assert_array_equal(of_constants, expected(array, integer))
    of_each = [expected(np.array(number), integer) for number in array[-6:].tolist()]
    np.testing.assert_array_equal([found[0] for found in of_fills], of_each)


@pytest.mark.parametrize("target", targets_of())
@pytest.mark.parametrize("integer", ["i32", "i64"])
def test_what_a_kernel_computes_before_the_cast(integer: str, target: str) -> None:
    # In one kernel LLVM sees that log(0) is no integer, and made a poison of the whole.
    with pb.Graph():
        step = pb.compile([], [pb.cast(pb.log(pb.zeros((4,))), integer)], target=target)
        (found,) = step()
    np.testing.assert_array_equal(found, np.full(4, np.iinfo(found.dtype).min))


@pytest.mark.parametrize("target", targets_of())
def test_truth_of_floats(target: str) -> None:
    array = np.array([0.0, -0.0, 5e-324, 0.5, -1, np.inf, np.nan])
    with pb.Graph():
        x = pb.placeholder("f64", array.shape, name="x")
        step = pb.compile([x], [pb.cast(x, "i1"), pb.cast(pb.constant(array), "i1")], target=target)
        for found in step(array):
            np.testing.assert_array_equal(found, [False, False, True, True, True, True, True])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("integer", INTEGERS)
def test_complex_numbers_follow_their_real_part(integer: str, target: str) -> None:
    array = numbers_of("f64").astype(np.complex128)
    with pb.Graph():
        x = pb.placeholder("complex128", array.shape, name="x")
        step = pb.compile([x], [pb.cast(x, integer)], target=target)
        (found,) = step(array)
    np.testing.assert_array_equal(found, expected(array.real, integer))


@pytest.mark.parametrize(("source", "to", "target"), cases(INTEGERS, INTEGERS))
def test_integers_keep_their_low_bits(source: str, to: str, target: str) -> None:
    limits, dtype = np.iinfo(INTEGERS[source]), np.dtype(INTEGERS[to])
    numbers = [limits.min, limits.min + 1, 0, 1, limits.max // 2 + 1, limits.max]
    array = np.array(numbers, INTEGERS[source])
    with pb.Graph():
        x = pb.placeholder(source, array.shape, name="x")
        step = pb.compile([x], [pb.cast(x, to), pb.cast(pb.constant(array), to)], target=target)
        results = step(array)
    bits = 2 ** (8 * dtype.itemsize)
    wanted = [(n % bits) - bits * (dtype.kind == "i" and n % bits >= bits // 2) for n in map(int, numbers)]
    for found in results:
        np.testing.assert_array_equal(found, wanted)
