"""Gathers along axes other than the first, with indices of each kind and out of range, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb

Array = npt.NDArray[Any]
CASES = [
    ((40, 17), 1, (13,)),
    ((3, 7, 5), 1, (2, 3)),
    ((3, 7, 5), 2, (11,)),
    ((2, 3, 4, 5), 2, ()),
    ((0, 4), 1, (3,)),
    ((4, 0), 1, (3,)),
    ((1, 6), 1, (0,)),
    ((2, 300), 1, (17,)),
]


def taken(x: Array, indices: Array, axis: int) -> tuple[Array, Array]:
    """The gather, zeros where an index is out of range, and the gradient of the sum of its squares."""
    inside = (indices >= 0) & (indices < x.shape[axis])
    moved = np.moveaxis(x, axis, 0)
    rows = np.zeros((*indices.shape, *moved.shape[1:]), x.dtype)
    rows[inside] = moved[indices[inside]]
    gradient = np.zeros_like(moved)
    np.add.at(gradient, indices[inside], 2 * rows[inside])
    order = [*range(indices.ndim, indices.ndim + axis), *range(indices.ndim)]
    order += range(indices.ndim + axis, rows.ndim)
    return rows.transpose(order), np.moveaxis(gradient, 0, axis)


@pytest.mark.parametrize(("shape", "axis", "places"), CASES)
@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8"])
@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_values_and_gradients(
    shape: tuple[int, ...], axis: int, places: tuple[int, ...], dtype: str, target: str
) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal(shape)
    least, most = (0, min(shape[axis] + 2, 256)) if dtype == "uint8" else (-2, min(shape[axis] + 2, 128))
    indices = random.integers(least, most, places).astype(dtype)
    with pb.Graph():
        given, at = pb.placeholder("f64", shape), pb.placeholder(dtype, places)
        rows = pb.gather(given, at, axis=axis)
        outputs = [rows, *pb.gradients(pb.sum(pb.square(rows)), [given])]
        found = pb.compile([given, at], outputs, target=target)(x, indices)
    for value, expected in zip(found, taken(x, indices.astype(np.int64), axis), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_unknown_extents() -> None:
    x, indices = np.arange(12.0).reshape(3, 4), np.array([3, 0, 9], np.int32)
    with pb.Graph():
        given, at = pb.placeholder("f64", (None, 4)), pb.placeholder("i32", (None,))
        rows = pb.gather(given, at, axis=1)
        step = pb.compile([given, at], [rows, *pb.gradients(pb.sum(rows * rows), [given])], target="cpu")
    for value, expected in zip(step(x, indices), taken(x, indices, 1), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_a_gather_along_an_axis_turns_nothing_around() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (5, 6, 7))
        step = pb.compile([x], [pb.gather(x, pb.constant([3, 1], "i32"), axis=2)], target="cpu")
    assert "graph.transpose" not in step.ir("kernels")
