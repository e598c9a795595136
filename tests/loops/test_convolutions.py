"""Convolutions on the CPU, their gradients too: NumPy's values for strides, dilations, groups, paddings and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.dialects.graph.elementwise.basic import Negative
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.windows.phases import Phases, phases_of
from pullback.dialects.graph.windows.windows import Windows, window_count
from pullback.passes.loops.products import (
    packed_panels,
    part_totals,
    term_parts,
    window_blocks,
    window_product,
)
from pullback.passes.loops.products.term_blocks import TermBlocks
from pullback.tests.loops.kernel_cases import check, sample, schedule

CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], Any, Any, Any]] = {
    # images, filters, strides, padding, dilations
    "few channels": ((2, 9, 8, 3), (3, 3, 3, 5), 1, "SAME", 1),
    "strides and a tail of outputs": ((1, 17, 13, 4), (3, 2, 4, 33), (2, 3), "VALID", 1),
    "dilations and groups": ((2, 13, 11, 6), (3, 3, 2, 9), 2, "SAME", 3),
    "one channel each": ((2, 7, 8, 17), (3, 3, 1, 17), (2, 1), "SAME", 1),
    "several outputs of one channel": ((1, 6, 5, 3), (2, 3, 1, 6), 1, "SAME", 1),
    "one window": ((1, 3, 4, 2), (3, 4, 2, 2), 1, "VALID", 1),
    "large windows, few reach an image": ((2, 5, 20, 2), (9, 9, 2, 4), 4, "SAME", 1),
    "long sums": ((2, 4, 4, 300), (3, 3, 300, 20), 1, "SAME", 1),
    "by parts of the terms": ((35, 32, 30, 3), (3, 3, 3, 37), 1, "SAME", 1),
    "along one axis": ((3, 1, 4097, 8), (1, 9, 8, 16), 1, "SAME", (1, 2)),
    "every other column": ((2, 80, 80, 8), (1, 1, 8, 48), 2, "SAME", 1),
    "turned by panels": ((1, 6, 7, 144), (3, 3, 144, 224), 1, "SAME", 1),
    "no image": ((0, 5, 5, 2), (3, 3, 2, 3), 1, "SAME", 1),
    "one-sided padding": ((1, 5, 5, 1), (5, 5, 1, 1), 1, ((3, 1), (0, 2)), 1),
}


def computed(case: tuple[Any, ...], target: str, level: str = "kernels") -> tuple[list[Any], str]:
    """The convolution, and both gradients of its sum times random numbers; the program as text."""
    images, filters, strides, padding, dilations = case
    rng = np.random.default_rng(0)
    x, f = (rng.standard_normal(shape).astype(np.float32) for shape in (images, filters))
    with pb.Graph():
        ps = [pb.placeholder("f32", a.shape) for a in (x, f)]
        y = pb.conv2d(ps[0], ps[1], strides, padding, dilations=dilations)
        dy = pb.placeholder("f32", y.extents)
        step = pb.compile(inputs=[*ps, dy], outputs=[y, *pb.gradients(pb.sum(y * dy), ps)], target=target)
    return step(x, f, rng.standard_normal(y.extents).astype(np.float32)), step.ir(level)


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_numpy(name: str) -> None:
    made, text = computed(CASES[name], "cpu")
    expected, _ = computed(CASES[name], "numpy")
    for ours, theirs in zip(made, expected, strict=True):
        scale = np.max(np.abs(theirs), initial=1e-30)
        np.testing.assert_allclose(ours, theirs, atol=3e-6 * scale, rtol=0)
    assert "graph.conv2d" not in text, "the host computes nothing"


def contraction(images: Tensor, filters: Tensor, stride: int) -> Tensor:
    """A convolution in two groups, without padding, and what follows on it."""
    n, h, w, g, o, i, j, c = (Affine.dim(8, d) for d in range(8))
    rows, columns, channels, groups, outputs = filters.extents
    sizes = zip(images.extents[1:3], (rows, columns), strict=True)
    count = [(extent - size) // stride + 1 for extent, size in sizes]
    y = Contract.at(
        (images, filters),
        ((n, h * stride + i, w * stride + j, g, c), (i, j, c, g, o)),
        (images.extents[0], *count, groups, outputs),
        (rows, columns, channels),
    )
    return Tanh.of(y)


@pytest.mark.parametrize("bits", [128, 512])
@pytest.mark.parametrize("stride", [1, 2])
def test_no_access_leaves_its_buffer(bits: int, stride: int) -> None:
    """Of a product block by block, whose second factor is packed; the interpreter checks."""
    arrays = [sample((1, 7, 8, 2, 3)), sample((3, 2, 3, 2, 5))]
    extents = [1, (7 - 3) // stride + 1, (8 - 2) // stride + 1, 2, 5]
    check(schedule("matmul", extents, [3, 2, 3]), arrays, lambda x, f: [contraction(x, f, stride)], bits=bits)


@pytest.mark.parametrize("images", [1, 3])
def test_panels_one_after_the_other_leave_no_buffer(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a second factor that the second-level cache has no room for; the interpreter checks."""
    monkeypatch.setattr(window_blocks, "SECOND_CACHE", 64)
    arrays = [sample((images, 7, 8, 2, 3)), sample((3, 2, 3, 2, 37))]
    check(
        schedule("matmul", [images, 5, 7, 2, 37], [3, 2, 3], tile=(4, 8)),
        arrays,
        lambda x, f: [contraction(x, f, 1)],
        bits=128,
    )


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize(("taps", "outputs"), [(1, 21), (3, 21), (3, 16), (2, 3)])
def test_turned_factors_leave_no_buffer(
    taps: int, outputs: int, far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of filters whose terms are neighbours in memory, in squares of 4, the last of which overlap."""
    monkeypatch.setattr(packed_panels, "FEWEST_TURNED", 0)
    if far:
        monkeypatch.setattr(window_blocks, "SECOND_CACHE", 64)
    arrays = [sample((2, 4, 6 + taps, outputs)), sample((taps, 8 + 2 * taps, outputs))]
    n, h, w, c, j, o = (Affine.dim(6, d) for d in range(6))
    channels = arrays[1].shape[1]

    def body(dy: Tensor, f: Tensor) -> list[Tensor]:
        positions = (n, h, w + j, o), (taps - 1 - j, c, o)
        return [Contract.at((dy, f), positions, (2, 4, 7, channels), (taps, outputs))]

    check(schedule("matmul", [2, 4, 7, channels], [taps, outputs], tile=(3, 8)), arrays, body, bits=128)


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32"])
@pytest.mark.parametrize("outputs", [1, 3, 7])
@pytest.mark.parametrize("longest", [2, 1024])
def test_terms_are_lanes_where_columns_are_few(
    dtype: str, outputs: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums are formed at once, and in blocks that are added up in higher precision, of filters in groups."""
    blocks_of, copy = TermBlocks.of, window_product.terms_side_by_side
    monkeypatch.setattr(TermBlocks, "of", lambda dims, extents: blocks_of(dims, extents, longest))
    copied: list[object] = []
    monkeypatch.setattr(window_product, "terms_side_by_side", lambda *a: copied.append(a) or copy(*a))
    arrays = [sample((2, 5, 9, 2, 16), dtype), sample((3, 2, 2, outputs, 16), dtype)]
    n, h, w, g, o, i, j, c = (Affine.dim(8, d) for d in range(8))

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        positions = (n, h + i, w + j, g, c), (i, 1 - j, g, o, c)
        y = Contract.at((x, f), positions, (2, 3, 8, 2, outputs), (3, 2, 16))
        return [y, Negative.of(y)]

    check(schedule("matmul", [2, 3, 8, 2, outputs], [3, 2, 16]), arrays, body, bits=512)
    assert bool(copied) == (dtype != "f64" or outputs < 7), "as many lanes as columns"


def test_terms_are_lanes_where_a_border_is_left_out() -> None:
    """Of the gradient of images with three channels, for each phase of the strides."""
    case = (2, 9, 8, 3), (5, 5, 3, 32), 2, "SAME", 1
    made, text = computed(case, "cpu", "loops")
    for ours, theirs in zip(made, computed(case, "numpy")[0], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=3e-6 * np.max(np.abs(theirs)), rtol=0)
    assert "%is_finite" in text


def test_filters_are_turned_around_by_the_product_that_reads_them() -> None:
    """The gradient of images has no kernel for that, with strides of 2 neither; other readers need the transpose."""
    for strides in (1, 2):
        _, text = computed(((2, 9, 8, 8), (3, 3, 8, 16), strides, "SAME", 1), "cpu")
        assert "graph.transpose" not in text
        assert "graph.strided_slice" not in text


@pytest.mark.parametrize("images", [1, 35])
def test_parts_of_terms_leave_no_buffer(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a product part by part, of which the last is shorter; the interpreter checks."""
    monkeypatch.setattr(term_parts, "BLOCK_BYTES", 256)
    monkeypatch.setattr(part_totals, "PARTS_BYTES", 0 if images == 1 else 2**22)
    arrays = [sample((images, 5, 6, 3)), sample((images, 4, 5, 7))]
    i, j, c, o, n, h, w = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, dy: Tensor) -> list[Tensor]:
        positions = (n, h + i, w + j, c), (n, h, w, o)
        return [Contract.at((x, dy), positions, (2, 2, 3, 7), (images, 4, 5))]

    check(schedule("matmul", [2, 2, 3, 7], [images, 4, 5]), arrays, body)


def windows() -> st.SearchStrategy[tuple[int, Windows]]:
    """An extent, and windows along it that fit."""

    def of(size: int, stride: int, dilation: int, before: int, after: int, more: int) -> tuple[int, Windows]:
        reach = (size - 1) * dilation + 1
        extent = max(reach - before - after, 1) + more
        return extent, Windows((size, 1), (stride, 1), (dilation, 1), ((before, after), (0, 0)))

    small = st.integers(1, 4)
    return st.builds(of, small, small, small, st.integers(0, 3), st.integers(0, 3), st.integers(0, 9))


@given(windows())
@settings(max_examples=200, deadline=None)
def test_phases_reach_what_windows_read(drawn: tuple[int, Windows]) -> None:
    extent, found = drawn
    count = window_count("test", found, (extent, 1))
    rows, _ = phases_of(found, (extent, 1), count)
    pairs = {
        (start + len(rows.phases) * element, window - rows.low, place)
        for start, phase in enumerate(rows.phases)
        for element in range(phase.extent)
        for number, place in enumerate(phase.places)
        if 0 <= (window := phase.first + element + number * phase.step) - rows.low < count[0]
    }
    before = found.pads((extent, 1))[0][0]
    expected = {
        (at, window, place)
        for window in range(count[0])
        for place in range(found.size[0])
        if 0 <= (at := found.strides[0] * window + found.dilations[0] * place - before) < extent
    }
    assert pairs == expected
    assert all_inside(rows, count[0])


def all_inside(rows: Phases, count: int) -> bool:
    """Tells whether every phase reads windows that there are, those of the padding included."""
    return all(
        p.first >= 0 and p.first + p.extent - 1 + (len(p.places) - 1) * p.step < rows.low + count + rows.high
        for p in rows.phases
        if p.places and p.extent
    )
