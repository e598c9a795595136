"""Some rows of a draw are those of the whole draw, to the bit, on every target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import bf16, f32, f64, i8, i64
from xdsl.ir import Attribute

import pullback as pb
from pullback.dialects.graph.creation.distributions import RandomBits, RandomUniform
from pullback.dialects.graph.creation.random import Random
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_float
from pullback.tests.targets import COMPILED

SEED = np.array([7, -(2**50)], np.int64)
Part = tuple[Attribute, tuple[int, ...], int, int, int]
PARTS: list[Part] = [
    (f32, (20, 64), 0, 8, 5),
    (f32, (2, 9, 70), 1, 4, 3),
    (f32, (3, 40, 128), 1, 16, 24),
    (f64, (2, 9, 33), 2, 17, 11),
    (bf16, (7, 5, 3), 0, 1, 6),
    (i8, (4, 130), 1, 65, 13),
    (i64, (11,), 0, 3, 8),
    (f32, (2, 0, 6), 1, 0, 0),
]
"""The shape of a draw, an axis, how many rows along it, and the first of them."""


def _draw(seed: pb.Tensor, element_type: Attribute, shape: tuple[int, ...]) -> pb.Tensor:
    kind: type[Random] = RandomUniform if is_float(element_type) else RandomBits
    return kind.draw(seed, element_type, shape, None)


def _rows(target: str, parts: Sequence[Part]) -> Any:
    with pb.Graph():
        seed, *firsts = inputs = [pb.placeholder("i64", s) for s in ((2,), *[()] * len(parts))]
        drawn: list[pb.Tensor] = []
        for first, (element_type, shape, axis, count, _) in zip(firsts, parts, strict=True):
            whole = _draw(seed, element_type, shape).op
            assert isinstance(whole, Random)
            part = whole.rows(seed, first, count, axis)
            insert(part)
            drawn.append(Tensor(part.results[0]))
        return pb.compile(inputs, drawn, target=target)(SEED, *(np.array(first) for *_, first in parts))


def _whole(element_type: Attribute, shape: tuple[int, ...]) -> Any:
    with pb.Graph():
        seed = pb.placeholder("i64", (2,))
        return pb.compile([seed], [_draw(seed, element_type, shape)], target="numpy")(SEED)[0]


@pytest.mark.parametrize("target", ["numpy", *COMPILED])
def test_they_are_a_part_of_the_draw(target: str) -> None:
    for part, got in zip(PARTS, _rows(target, PARTS), strict=True):
        element_type, shape, axis, count, first = part
        expected = np.take(_whole(element_type, shape), np.arange(first, first + count), axis)
        np.testing.assert_array_equal(got, expected, str(part))


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_they_begin_where_all_of_them_are_inside(target: str) -> None:
    begins = {-3: 0, 9: 6, 2**62: 6, -(2**63): 0}
    found = _rows(target, [(f32, (10, 5), 0, 4, first) for first in begins])
    for got, begin in zip(found, begins.values(), strict=True):
        np.testing.assert_array_equal(got, _whole(f32, (10, 5))[begin : begin + 4])


def test_of_a_draw_of_more_elements_than_an_i32_counts() -> None:
    part = f32, (2, 2**30, 4), 1, 3, 2**30 - 9
    (got,), (expected,) = _rows("cpu", [part]), _rows("numpy", [part])
    np.testing.assert_array_equal(got, expected)
    assert np.unique(expected).size == 24
