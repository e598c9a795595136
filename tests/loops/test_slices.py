"""Slices in kernels: offsets, strides and reversed axes, as the loops walk through what a kernel is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_of, tensor_type
from pullback.passes.lowering.strided_layout import LoopAccess, layout_of
from pullback.tests.loops.kernel_cases import check, sample, schedule


@st.composite
def slices(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[slice, ...]]:
    """A shape, and a slice of each axis."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 5, 17, 35]), min_size=1, max_size=3)))
    bounds = [st.none() | st.integers(-n - 1, n + 1) for n in shape]
    steps = st.sampled_from([None, 1, 2, 3, -1, -1, -2])
    return shape, tuple(slice(draw(b), draw(b), draw(steps)) for b in bounds)


@given(slices(), st.sampled_from(["f32", "f64", "i32", "i64", "i1"]), st.sampled_from([256, 512]))
def test_pointwise(case: tuple[tuple[int, ...], tuple[slice, ...]], dtype: str, bits: int) -> None:
    shape, key = case
    taken = np.zeros(shape)[key].shape
    check(
        schedule("pointwise", taken), [sample(shape, dtype)], lambda x: [StridedSlice.at(x, key)], bits=bits
    )


@pytest.mark.parametrize("key", [np.s_[:, ::-1], np.s_[::-1, 1:34], np.s_[::2, ::-3]], ids=str)
def test_rows_and_columns(key: Any) -> None:
    rows, columns = np.zeros((6, 35))[key].shape

    def body(axis: int) -> Any:
        return lambda x: [Sum.over(StridedSlice.at(x, key), axis)]

    check(schedule("rows", (rows,), (columns,)), [sample((6, 35))], body(1))
    check(schedule("columns", (columns,), (rows,)), [sample((6, 35))], body(0))


def test_pieces_of_a_concat_are_slices_and_numbers() -> None:
    def body(x: Tensor) -> list[Tensor]:
        zeros = Fill.full(0, tensor_type(element_type_of(x.type), (2, 17)))
        pieces = [StridedSlice.at(x, np.s_[2:0:-1, :]), zeros, StridedSlice.at(x, np.s_[1:, ::-1]), x]
        return [Concat.of(*pieces, axis=IntegerAttr(0, i64))]

    check(schedule("concat", (9, 17)), [sample((3, 17))], body)


@pytest.mark.parametrize(
    ("size", "offset", "extents", "shape"),
    [
        (12, Affine((3, -1), 2), (4, 3), (4, 3)),
        (12, Affine((-3, -1), 11), (4, 3), (4, 3)),
        (12, Affine((-6, 1), 6), (2, 3), (2, 6)),
        (12, Affine((3, -1), 3), (3, 3), (12,)),
        (10, Affine((-3,), 9), (4,), (10,)),
        (12, Affine((-1,), 3), (0,), (12,)),
    ],
)
def test_layout_of_reversed_axes(
    size: int, offset: Affine, extents: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    """A dimension for each distance, whichever way it is walked, unless an index would leave its dimension."""
    assert layout_of(size, [LoopAccess(offset)], extents).shape == shape
