"""Elements a few apart: whole vectors that are shuffled, for loads and for pieces that lie between each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.movement.interleaving import Interleave
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype, tensor_type
from pullback.tests.loops.kernel_cases import check, sample, schedule

STEPS, EXTENTS = (2, 3, 4, 8, 9), (7, 16, 33, 64, 101)


@pytest.mark.parametrize("bits", [128, 512])
@pytest.mark.parametrize(("step", "extent"), [(s, n) for s in STEPS for n in EXTENTS if s <= n])
def test_pieces_between_each_other(step: int, extent: int, bits: int) -> None:
    """Of which two are the same number; the interpreter checks that nothing else is read or written."""
    sizes = [len(range(first, extent, step)) for first in range(step)]
    arrays = [sample((3, size), seed=n) for n, size in enumerate(sizes[:2])]

    def body(x: Tensor, y: Tensor) -> list[Tensor]:
        zeros = [Fill.full(0, tensor_type(x.element_type, (3, size))) for size in sizes[2:]]
        return [Interleave.at([Exp.of(x), y, *zeros], (1, step))]

    check(schedule("concat", (3, extent)), arrays, body, bits=bits, native=extent == 101)


@pytest.mark.parametrize("bits", [128, 512])
@pytest.mark.parametrize(
    ("shape", "step"), [((3, 101), 2), ((1, 64), 3), ((5, 97), 4), ((2, 80), 5), ((2, 9), 2)]
)
def test_elements_apart(shape: tuple[int, int], step: int, bits: int) -> None:
    firsts = [first for first in (0, 1) if len(range(first, shape[1], step)) == len(range(1, shape[1], step))]

    def body(x: Tensor) -> list[Tensor]:
        return [Exp.of(StridedSlice.at(x, [slice(None), slice(first, None, step)])) for first in firsts]

    taken = (shape[0], len(range(1, shape[1], step)))
    check(schedule("pointwise", taken), [sample(shape)], body, bits=bits)


SLICES = [
    np.s_[::2],
    np.s_[1::2],
    np.s_[::3],
    np.s_[2::3],
    np.s_[::-2],
    np.s_[1::3, ::2],
    np.s_[:, 1::4],
    np.s_[:, 3:50:3],
    np.s_[5:6:2],
    np.s_[::8, ::-3],
    np.s_[:, ::9],
    np.s_[:, 10::2],
]


SHAPES = ((17, 64), (100, 101), (16, 1))
TAKEN = [(at, shape) for at in SLICES for shape in SHAPES if np.empty(shape)[at].size]


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "i8"])
@pytest.mark.parametrize(("at", "shape"), TAKEN, ids=str)
def test_slices_and_their_gradients(at: Any, shape: tuple[int, int], dtype: str) -> None:
    x = np.random.default_rng(0).integers(-4, 5, shape).astype(numpy_dtype(element_type_from(dtype)))
    with pb.Graph():
        given = pb.placeholder(dtype, shape)
        part = given[at]
        outputs = [part * part]
        if dtype != "i8":
            outputs += pb.gradients(pb.sum(part * part), [given])
        found = pb.compile([given], outputs, "cpu")(x)
    np.testing.assert_array_equal(np.asarray(found[0], np.float64), np.asarray(x[at], np.float64) ** 2)
    if dtype != "i8":
        expected = np.zeros(shape)
        expected[at] = 2 * np.asarray(x[at], np.float64)
        np.testing.assert_array_equal(np.asarray(found[1], np.float64), expected)


def test_rows_and_columns_are_stored_as_vectors() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (40, 100))
        (dx,) = pb.gradients(pb.sum(pb.square(x[:, ::2])), [x])
        text = pb.compile([x], [dx], "cpu").ir("loops")
    assert "vector.shuffle" in text
    assert text.count("vector.scatter") <= 2  # what whole vectors leave


@pytest.mark.parametrize("shape", [(40, 17), (9, 65), (33, 1)])
def test_gradients_of_neighbours_are_views(shape: tuple[int, int]) -> None:
    """Differences along either axis: no tensor with zeros around a slice is made."""
    x = np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)
    wide = shape[1] > 8
    with pb.Graph():
        given = pb.placeholder("f32", shape)
        total = pb.sum(pb.square(given[1:] - given[:-1]))
        if wide:
            total = total + pb.sum(pb.square(given[:, 1:] - given[:, :-1]))
        step = pb.compile([given], pb.gradients(total, [given]), "cpu")
    expected = np.zeros(shape, np.float32)
    d = 2 * np.diff(x, axis=0)
    expected[1:] += d
    expected[:-1] -= d
    if wide:
        d = 2 * np.diff(x, axis=1)
        expected[:, 1:] += d
        expected[:, :-1] -= d
    np.testing.assert_array_equal(step(x)[0], expected)
    assert "kind = concat" not in step.ir("kernels")
