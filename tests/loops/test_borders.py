"""Borders: results of products are stored inside of them, and terms in borders of zeros are left out of sums.

No result differs for it, not even where a factor is NaN.
"""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.elementwise.basic import Negative
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.movement.mosaic import Mosaic
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.products.product_limits import check_product
from pullback.passes.kernels.check.schedule_error import ScheduleError
from pullback.passes.loops.products import term_parts, window_blocks
from pullback.passes.loops.products.border import Border
from pullback.passes.loops.products.term_blocks import TermBlocks
from pullback.passes.lowering import long_products
from pullback.passes.lowering.nodes import Bound
from pullback.tests.loops.kernel_cases import Array, check, kernel_function, sample, schedule

N, H, W, C, OUT = 2, 5, 6, 3, 10
"""Images, their rows and columns, channels and outputs."""


def bordered(before: int, after: int, dtype: str = "f32") -> Array:
    """Images with so many rows of zeros above and below, and one column on each side."""
    images = sample((N, before + H + after, W + 2, C), dtype)
    images[:, :before] = images[:, before + H :] = images[:, :, 0] = images[:, :, -1] = 0
    return images


def stated(y: Tensor, images: Array, before: int) -> Tensor:
    """The contraction, which states that border."""
    ends = [0, N, before, before + H, 1, W + 1, 0, C]
    assert 2 * images.ndim == len(ends)
    y.op.properties["nonzero"] = integers(ends)
    return y


def spoilt(factor: Array, along: int, number: float) -> list[Array]:
    """The factor, and copies of which one element, at the first, a middle or the last index of an axis, is a number."""
    copies = [factor]
    for at in (0, factor.shape[along] // 2, factor.shape[along] - 1):
        copies.append(factor.copy())
        np.moveaxis(copies[-1], along, 0)[at].flat[0] = number
    return copies


@pytest.mark.parametrize("way", ["at once", "panels in turn", "parts", "blocks of terms"])
@pytest.mark.parametrize(
    ("before", "after", "stride", "dilation", "taps"),
    [(1, 1, 1, 1, 3), (2, 2, 2, 1, 3), (2, 2, 1, 2, 3), (0, 3, 1, 3, 2), (4, 4, 1, 1, 3)],
)
def test_windows_leave_out_rows_in_the_border(
    way: str, before: int, after: int, stride: int, dilation: int, taps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows of which some are in the border as a whole, too, and none of which reads all rows of images."""
    if way == "panels in turn":
        monkeypatch.setattr(window_blocks, "SECOND_CACHE", 64)
    if way == "blocks of terms":
        of = TermBlocks.of
        monkeypatch.setattr(TermBlocks, "of", lambda dims, extents: of(dims, extents, 4))
    if way == "parts":
        monkeypatch.setattr(long_products, "BLOCK_BYTES", 0)
        monkeypatch.setattr(window_blocks.WindowBlocks, "_is_of_parts", lambda _: True)
    images = bordered(before, after)
    rows = (images.shape[1] - dilation * (taps - 1) - 1) // stride + 1
    n, h, w, o, i, j, c = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        positions = (n, h * stride + i * dilation, w + j, c), (i, j, c, o)
        y = Contract.at((x, f), positions, (N, rows, W, OUT), (taps, 3, C))
        return [stated(y, images, before)]

    for filters in spoilt(sample((taps, 3, C, OUT)), 0, np.inf):
        check(
            schedule("matmul", [N, rows, W, OUT], [taps, 3, C], tile=(4, 8)),
            [images, filters],
            body,
            bits=256,
        )


@pytest.mark.parametrize("block", [1, 100, 2**18])
@pytest.mark.parametrize("parts", [False, True])
def test_gradients_of_filters_leave_out_rows_in_the_border(
    block: int, parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a whole, and by parts of which each is of images, of rows of them or of a part of a row."""
    monkeypatch.setattr(term_parts, "BLOCK_BYTES", block)
    monkeypatch.setattr(window_blocks.WindowBlocks, "_is_of_parts", lambda _: parts)
    images = bordered(1, 1)
    i, j, c, o, n, h, w = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, dy: Tensor) -> list[Tensor]:
        positions = (n, h + i, w + j, c), (n, h, w, o)
        return [stated(Contract.at((x, dy), positions, (3, 3, C, OUT), (N, H, W)), images, 1)]

    for dy in spoilt(sample((N, H, W, OUT)), 1, np.nan):
        check(schedule("matmul", [3, 3, C, OUT], [N, H, W], tile=(4, 8)), [images, dy], body)


def test_integers_need_no_look() -> None:
    images = bordered(1, 1, "i32")
    n, h, w, o, i, j, c = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        positions = (n, h + i, w + j, c), (i, j, c, o)
        return [stated(Contract.at((x, f), positions, (N, H, W, OUT), (3, 3, C)), images, 1)]

    check(schedule("matmul", [N, H, W, OUT], [3, 3, C]), [images, sample((3, 3, C, OUT), "i32")], body)


@pytest.mark.parametrize("row", [1, 2, 3])
@pytest.mark.parametrize("term", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 1, 3, 5])
def test_edges_are_the_terms_that_some_row_has_in_the_border(row: int, term: int, start: int) -> None:
    for extent in (1, 4, 9):
        found = Border.of(Bound(Affine((row, term), -start), extent), rows=[0], terms=[1], extents=[6, 4])
        assert found is not None
        outside = {t for t in range(4) for r in range(6) if not start <= row * r + term * t < start + extent}
        assert {t for a, b in found.edges for t in range(a, b)} == outside


def test_a_program_states_its_borders_and_the_evaluator_checks_them() -> None:
    with pb.Graph():
        x, f = pb.placeholder("f32", (2, 6, 6, 8)), pb.placeholder("f32", (3, 3, 2, 12))
        step = pb.compile([x, f], [pb.conv2d(x, f, padding="SAME")], target="cpu")
    assert "nonzero = array<i64: 0, 2, 1, 7, 1, 7, 0, 4, 0, 2>" in step.ir("kernels")
    assert "%is_finite" in step.ir("loops")
    images = np.ones((N, H + 2, W + 2, C), np.float32)
    n, h, w, o, i, j, c = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        positions = (n, h + i, w + j, c), (i, j, c, o)
        return [stated(Contract.at((x, f), positions, (N, H, W, OUT), (3, 3, C)), images, 1)]

    with pytest.raises(GraphError, match="nonzero_c4"):
        check(schedule("matmul", [N, H, W, OUT], [3, 3, C]), [images, sample((3, 3, C, OUT))], body)


@pytest.mark.parametrize("parts", [False, True])
def test_results_are_stored_inside_of_a_border(parts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The border is of any number, and another result has none; the interpreter checks each access."""
    monkeypatch.setattr(window_blocks.WindowBlocks, "_is_of_parts", lambda _: parts)
    images = sample((N, H, W, C))
    n, h, w, o, i, j, c = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        y = Tanh.of(Contract.at((x, f), ((n, h + i, w + j, c), (i, j, c, o)), (N, 3, 5, OUT), (3, 2, C)))
        return [Mosaic.around(y, [(0, 0), (1, 2), (0, 1), (0, 3)], -1.5), Negative.of(y)]

    arrays = [images, sample((3, 2, C, OUT))]
    check(schedule("matmul", [N, 3, 5, OUT], [3, 2, C], tile=(4, 8)), arrays, body)
    _, kernel = kernel_function(schedule("matmul", [N, 3, 5, OUT], [3, 2, C]), arrays, body)
    with pytest.raises(DiagnosticError, match="no GPU kernel of a product with a border"):
        check_product(kernel)


def test_a_product_has_one_piece_of_a_mosaic() -> None:
    n, h, w, o, i, j, c = (Affine.dim(7, d) for d in range(7))

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        y = Contract.at((x, f), ((n, h + i, w + j, c), (i, j, c, o)), (N, 3, 5, OUT), (3, 2, C))
        return [Mosaic.of(y, Negative.of(y), offsets=integers([0, 0, 0, 0, N, 0, 0, 0]))]

    with pytest.raises(ScheduleError, match="expected kernels apart"):
        check(
            schedule("matmul", [N, 3, 5, OUT], [3, 2, C]),
            [sample((N, H, W, C)), sample((3, 2, C, OUT))],
            body,
        )


@pytest.mark.parametrize(
    ("image", "window", "strides"),
    [((1, 10, 12, 32), (1, 1), (1, 2)), ((2, 1, 12, 16), (1, 1), (1, 1)), ((1, 1, 40, 24), (1, 3), (1, 2))],
)
def test_borders_around_products_of_matrices(
    image: tuple[int, ...], window: tuple[int, int], strides: tuple[int, int]
) -> None:
    """Of windows of one place, or of images of one row, whose dims of rows are one: products have their own loops."""

    def step(target: str) -> pb.Step:
        with pb.Graph():
            x, f = pb.placeholder("f32", image), pb.placeholder("f32", (*window, image[-1], 7))
            g = pb.placeholder("f32", (1, 3, 7, 20))
            y = pb.conv2d(pb.relu(pb.conv2d(x, f, strides=strides, padding="SAME")), g, padding="SAME")
            return pb.compile([x, f, g], [y, *pb.gradients(pb.sum(y * y), [x, f, g])], target=target)

    arrays = [sample(image), sample((*window, image[-1], 7), "f32", 1), sample((1, 3, 7, 20), "f32", 2)]
    for got, expected in zip(step("cpu")(*arrays), step("numpy")(*arrays), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
