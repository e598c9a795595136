"""Cases of random keys, against Philox in Python's integers, from the constants of its paper."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.creation.random_key import RandomKey
from pullback.tests.ops.case import Case

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
WORD = 2**32


def philox(counter: list[int], key: list[int]) -> list[int]:
    """The block of Philox 4x32-10."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (second // WORD) ^ c1 ^ k0, second % WORD, (first // WORD) ^ c3 ^ k1, first % WORD
        k0, k1 = (k0 + WEYL[0]) % WORD, (k1 + WEYL[1]) % WORD
    return [c0, c1, c2, c3]


def halves(word: int) -> list[int]:
    """The words of 32 bits of one of 64, the lower first."""
    return [int(word) % WORD, int(word) // WORD % WORD]


def _key(state: Any, *numbers: int) -> Any:
    """The last bit of a counter's lower half tells keys from numbers that are drawn."""
    for number in numbers:
        block = philox([*halves(int(number) ^ -(2**63)), *halves(state[1])], halves(state[0]))
        state = np.array([block[0] * WORD + block[1], block[2] * WORD + block[3]], np.uint64).view(np.int64)
    return state


def _number(number: int) -> dict[str, IntegerAttr[Any]]:
    return {"number": IntegerAttr(number, i64)}


def _words(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.integers(-(2**63), 2**63, shape)


CASES: dict[str, list[Case]] = {
    "graph.random_key": [
        Case(("2xi64",), lambda s: RandomKey.of(s, **_number(0)), lambda s: _key(s, 0), (_words,), orders=()),
        Case(
            ("2xi64", "i64", "i64"),
            lambda s, i, j: RandomKey.of(s, i, j, **_number(7)),
            lambda s, i, j: _key(s, 7, i, j),
            (_words, _words, _words),
            orders=(),
        ),
    ],
}

BROKEN = [
    ("seed_c1", "%x: tensor<3xi64>", "graph.random_key %x {number = 0 : i64} : (tensor<3xi64>) -> tensor<2xi64>"),
    (
        "trips_c1",
        "%x: tensor<2xi64>, %i: tensor<i32>",
        "graph.random_key %x, %i {number = 0 : i64} : (tensor<2xi64>, tensor<i32>) -> tensor<2xi64>",
    ),
    (
        "rows_c1",
        "%x: tensor<2xi64>, %i: tensor<i32>",
        "graph.random_bits %x, %i {axis = 0 : i64, extent = 9 : i64} : (tensor<2xi64>, tensor<i32>) -> tensor<2xi8>",
    ),
    (
        "rows_c1",
        "%x: tensor<2xi64>, %i: tensor<i64>",
        "graph.random_uniform %x, %i {axis = 0 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<2xf32>",
    ),
    (
        "rows_c1",
        "%x: tensor<2xi64>, %i: tensor<i64>",
        "graph.random_bits %x, %i {axis = 0 : i64, extent = 9 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<?xi8>",
    ),
    (
        "rows_c2",
        "%x: tensor<2xi64>, %i: tensor<i64>",
        "graph.random_bits %x, %i {axis = 0 : i64, extent = 1 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi32>",
    ),
    (
        "rows_c2",
        "%x: tensor<2xi64>, %i: tensor<i64>",
        "graph.random_bits %x, %i {axis = 0 : i64, extent = 4611686018427387904 : i64} "
        ": (tensor<2xi64>, tensor<i64>) -> tensor<2x2xi32>",
    ),
    (
        "axis_c1",
        "%x: tensor<2xi64>, %i: tensor<i64>",
        "graph.random_bits %x, %i {axis = 1 : i64, extent = 3 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi32>",
    ),
]  # fmt: skip
