"""Integer arithmetic at the limits of its dtypes: what C leaves undefined has one result, on every target."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb

INTEGERS = {"i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "i64": np.int64}


def divided(a: int, b: int) -> int:
    return a // b if b else 0


def rest(a: int, b: int) -> int:
    return a % b if b else 0


def power(a: int, b: int) -> int:
    if b >= 0:
        return pow(a, b, 2**64)
    return {1: 1, -1: (-1) ** (b % 2)}.get(a, 0)


def left(width: int) -> Callable[[int, int], int]:
    return lambda a, b: a << b if 0 <= b < width else 0


def right(width: int) -> Callable[[int, int], int]:
    return lambda a, b: a >> (b if 0 <= b < width else width - 1 if a < 0 else width)


def logical(width: int) -> Callable[[int, int], int]:
    return lambda a, b: (a % 2**width) >> b if 0 <= b < width else 0


OPERATIONS: dict[str, Callable[[int], Callable[[int, int], int]]] = {
    "add": lambda _: lambda a, b: a + b,
    "subtract": lambda _: lambda a, b: a - b,
    "multiply": lambda _: lambda a, b: a * b,
    "floor_divide": lambda _: divided,
    "remainder": lambda _: rest,
    "pow": lambda _: power,
    "bitwise_left_shift": left,
    "bitwise_right_shift": right,
    "right_shift_logical": logical,
}


def wrapped(number: int, dtype: np.dtype[np.integer]) -> int:
    bits = 2 ** (8 * dtype.itemsize)
    return number % bits - bits * (dtype.kind == "i" and number % bits >= bits // 2)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("integer", INTEGERS)
def test_binary_operations(integer: str, name: str, target: str) -> None:
    if target == "simt" and integer not in ("i32", "i64"):
        pytest.skip("kernels compute i32 and i64; the host computes the rest")
    dtype = np.dtype(INTEGERS[integer])
    limits, width = np.iinfo(dtype), 8 * dtype.itemsize
    numbers = {
        limits.min,
        limits.min + 1,
        -7,
        -2,
        -1,
        0,
        1,
        2,
        3,
        7,
        width - 1,
        width,
        limits.max - 1,
        limits.max,
    }
    kept = sorted(n for n in numbers if limits.min <= n <= limits.max)
    a, b = (np.array(x, dtype).ravel() for x in np.meshgrid(kept, kept))
    expected = np.array(
        [wrapped(OPERATIONS[name](width)(int(p), int(q)), dtype) for p, q in zip(a, b, strict=True)], dtype
    )
    with pb.Graph():
        x, y = (pb.placeholder(integer, a.shape, name=n) for n in "xy")
        function = getattr(pb, name)
        short = (pb.constant(v[:60]) for v in (a, b))  # short enough to be computed when it is compiled
        step = pb.compile([x, y], [function(x, y), function(*short)], target=target)
        of_values, of_constants = step(a, b)
    np.testing.assert_array_equal(of_values, expected)
    np.testing.assert_array_equal(of_constants, expected[:60])


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
@pytest.mark.parametrize("name", ["abs", "negative", "square", "sign"])
@pytest.mark.parametrize("integer", ["i32", "i64"])
def test_unary_operations(integer: str, name: str, target: str) -> None:
    dtype = np.dtype(INTEGERS[integer])
    limits = np.iinfo(dtype)
    array = np.array([limits.min, limits.min + 1, -1, 0, 1, limits.max], dtype)
    meaning = {
        "abs": abs,
        "negative": lambda n: -n,
        "square": lambda n: n * n,
        "sign": lambda n: (n > 0) - (n < 0),
    }
    with pb.Graph():
        x = pb.placeholder(integer, array.shape, name="x")
        function = getattr(pb, name)
        results = pb.compile([x], [function(x), function(pb.constant(array))], target=target)(array)
    for found in results:
        np.testing.assert_array_equal(found, [wrapped(meaning[name](int(n)), dtype) for n in array])
