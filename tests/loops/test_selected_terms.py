"""Products whose second factor is other than 0 at one of each block of terms: no result differs, not even with NaN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.passes.loops.products import part_totals, selection_plan
from pullback.tests.loops.kernel_cases import Array, check, sample, schedule

N, H, W, C = 3, 4, 6, 12
"""Images, their rows and columns, and channels."""


def selected(shape: Sequence[int], block: tuple[int, int], dtype: str = "f32", seed: int = 0) -> Array:
    """Numbers of which one is left in each block of pixels, or none."""
    numbers, rng = sample(shape, dtype), np.random.default_rng(seed)
    n, h, w, o = shape
    places = rng.integers(0, block[0] * block[1] + 1, (n, h // block[0], 1, w // block[1], 1, o))
    of_block = np.arange(block[0] * block[1]).reshape(1, 1, block[0], 1, block[1], 1)
    return np.where((places == of_block).reshape(shape), numbers, np.zeros_like(numbers))


def gradient(x: Tensor, dy: Tensor, window: tuple[int, int], block: tuple[int, int], outputs: int) -> Tensor:
    """The gradient of filters, which states the blocks."""
    i, j, c, o, n, h, w = (Affine.dim(7, d) for d in range(7))
    y = Contract.at((x, dy), ((n, h + i, w + j, c), (n, h, w, o)), (*window, C, outputs), (N, H, W))
    y.op.properties["one_in"] = integers([1, *block])
    return y


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("outputs", [8, 11, 16])
@pytest.mark.parametrize(
    ("window", "block"),
    [
        ((3, 3), (2, 2)),
        ((1, 3), (2, 3)),
        ((3, 1), (4, 2)),
        ((5, 5), (2, 2)),
        ((2, 3), (1, 6)),
        ((3, 3), (4, 6)),
    ],
)
def test_gradients_of_filters_add_one_term_of_each_block(
    window: tuple[int, int], block: tuple[int, int], outputs: int, dtype: str
) -> None:
    images = sample((N, H + window[0] - 1, W + window[1] - 1, C), dtype)
    dy = selected((N, H, W, outputs), block, dtype)
    made = schedule("matmul", [*window, C, outputs], [N, H, W])
    check(made, [images, dy], lambda x, dy: [gradient(x, dy, window, block, outputs)])


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("at", [(0, 0, 0, 0), (N - 1, H + 1, W + 1, C - 1), (1, 2, 3, 4)])
def test_terms_are_all_added_where_the_first_factor_is_not_finite(
    number: float, at: tuple[int, int, int, int]
) -> None:
    images, dy = sample((N, H + 2, W + 2, C)), selected((N, H, W, 16), (2, 2))
    images[at] = number
    made = schedule("matmul", [3, 3, C, 16], [N, H, W])
    check(made, [images, dy], lambda x, dy: [gradient(x, dy, (3, 3), (2, 2), 16)])


@pytest.mark.parametrize("number", [np.inf, np.nan])
def test_what_is_selected_may_be_infinite(number: float) -> None:
    images, dy = sample((N, H + 2, W + 2, C)), selected((N, H, W, 16), (2, 2))
    dy[dy == dy.max()] = number
    made = schedule("matmul", [3, 3, C, 16], [N, H, W])
    check(made, [images, dy], lambda x, dy: [gradient(x, dy, (3, 3), (2, 2), 16)])


@pytest.mark.parametrize("parts", [1, 2, 16])
@pytest.mark.parametrize("at_once", [1, 4, 1000])
def test_parts_and_blocks_of_any_size(parts: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_totals, "MOST_PARTS", parts)
    monkeypatch.setattr(part_totals, "FEW_PARTS", parts)
    monkeypatch.setattr(selection_plan, "ENOUGH_BLOCKS", at_once)
    images, dy = sample((N, H + 2, W + 2, C)), selected((N, H, W, 16), (2, 2))
    made = schedule("matmul", [3, 3, C, 16], [N, H, W])
    check(made, [images, dy], lambda x, dy: [gradient(x, dy, (3, 3), (2, 2), 16)])


def step_of(pool: tuple[int, int], dtype: str = "f32", padding: str = "SAME", images: int = 3) -> pb.Step:
    """The gradient of a convolution's filters with pooling behind it."""
    with pb.Graph():
        x = pb.placeholder(dtype, (images, 8, 12, 16), name="x")
        f = pb.placeholder(dtype, (3, 3, 16, 24), name="f")
        y = pb.max_pool2d(pb.relu(pb.conv2d(x, f, padding=padding)), pool, pool, padding="VALID")
        (df,) = pb.gradients(pb.sum(pb.sin(y)), [f])
        return pb.compile([x, f], [df], target="cpu")


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_programs_state_it_behind_pooling(dtype: str, threads: int) -> None:
    step = step_of((2, 2), dtype)
    assert "one_in = array<i64: 1, 2, 2>" in step.ir("kernels")
    assert "%selected" in step.ir("loops")
    before = pb.get_num_threads()
    x, f = sample((3, 8, 12, 16), dtype), sample((3, 3, 16, 24), dtype)
    pb.set_num_threads(1)
    try:
        expected = step(x, f)[0]
        pb.set_num_threads(threads)
        np.testing.assert_array_equal(step(x, f)[0], expected)
    finally:
        pb.set_num_threads(before)


def test_programs_state_nothing_of_windows_that_overlap_or_reach_beyond() -> None:
    with pb.Graph():
        x, f = pb.placeholder("f32", (2, 9, 9, 16)), pb.placeholder("f32", (3, 3, 16, 24))
        y = pb.conv2d(x, f, padding="SAME")
        losses = [
            pb.sum(pb.max_pool2d(y, (3, 3), (2, 2), padding="SAME")),
            pb.sum(pb.avg_pool2d(y, (3, 3), (3, 3), padding="VALID")),
        ]
        steps = [pb.compile([x, f], pb.gradients(loss, [f]), target="cpu") for loss in losses]
    assert not any("one_in" in step.ir("kernels") for step in steps)


def test_the_evaluator_checks_what_is_stated() -> None:
    images, dy = sample((N, H + 2, W + 2, C)), np.ones((N, H, W, 16), np.float32)
    made = schedule("matmul", [3, 3, C, 16], [N, H, W])
    with pytest.raises(GraphError, match="one_in_c5"):
        check(made, [images, dy], lambda x, dy: [gradient(x, dy, (3, 3), (2, 2), 16)])
