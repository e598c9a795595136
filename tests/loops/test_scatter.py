"""Scatter kernels: rows added, subtracted and put in place of others, repeated and out of range."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.dialects.graph.by_index.gather import Densify, MakeSlices
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.loops.kernel_cases import check, sample, schedule

ROWS = [(), (1,), (19,), (3, 7)]
INDICES = np.array([2, 0, 2, -1, 5, 2, 99, 4], np.int32)


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("dtype", ["f32", "f64", "i64"])
def test_densify(row: tuple[int, ...], dtype: str) -> None:
    def body(values: Tensor, indices: Tensor, like: Tensor) -> list[Tensor]:
        return [Densify.of(MakeSlices.make(values, indices, like))]

    arrays = [sample((8, *row), dtype), INDICES, sample((5, *row), dtype)]
    check(schedule("scatter", (8, *row)), arrays, body)


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("in_place", [False, True])
def test_update(row: tuple[int, ...], in_place: bool) -> None:
    """Where the result takes the place of what it is computed from, only the rows that are named are touched."""

    def body(values: Tensor, indices: Tensor, w: Tensor) -> list[Tensor]:
        return [w - Densify.of(MakeSlices.make(Exp.of(values) * 0.5, indices, w))]

    arrays = [sample((8, *row)), INDICES, sample((5, *row))]
    check(schedule("scatter", (8, *row)), arrays, body, in_place={0: 2} if in_place else {})


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("dtype", ["f32", "i64"])
def test_replaced_rows(row: tuple[int, ...], in_place: bool, dtype: str) -> None:
    """The last of several rows at one index stays."""

    def body(values: Tensor, indices: Tensor, w: Tensor) -> list[Tensor]:
        return [ReplaceRows.of(w, MakeSlices.make(values * 2, indices, w))]

    arrays = [sample((8, *row), dtype), INDICES, sample((5, *row), dtype)]
    check(schedule("scatter", (8, *row)), arrays, body, in_place={0: 2} if in_place else {})


def test_two_sets_of_rows() -> None:
    def body(values: Tensor, indices: Tensor, w: Tensor) -> list[Tensor]:
        slices = Densify.of(MakeSlices.make(values, indices, w))
        return [w + slices - Densify.of(MakeSlices.make(values * values, indices, w))]

    check(schedule("scatter", (8, 5)), [sample((8, 5)), INDICES, sample((5, 5))], body)


def test_no_rows() -> None:
    def body(values: Tensor, indices: Tensor, w: Tensor) -> list[Tensor]:
        return [w - Densify.of(MakeSlices.make(values, indices, w))]

    check(schedule("scatter", (0, 5)), [sample((0, 5)), INDICES[:0], sample((5, 5))], body)
