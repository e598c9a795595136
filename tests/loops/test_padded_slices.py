"""Slices that reach beyond a tensor: bounds compared, masked lanes, and the inner box without either."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.movement.padded_slicing import PaddedSlice
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.loops import pointwise, windows_at_once
from pullback.tests.loops.kernel_cases import check, sample, schedule


def window(
    x: Tensor, offsets: tuple[int, ...], sizes: tuple[int, ...], step: int = 1, value: float = 0
) -> Tensor:
    return PaddedSlice.at(x, offsets, sizes, (1, step, step, 1), value)


@pytest.mark.parametrize(
    ("shape", "sizes", "step", "bits"),
    [
        ((2, 9, 8, 17), (2, 9, 8, 17), 1, 512),  # lanes along channels
        ((2, 9, 8, 17), (2, 5, 4, 17), 2, 128),
        ((1, 1, 1, 5), (1, 3, 2, 5), 1, 128),  # hardly an element exists
        ((1, 6, 70, 1), (1, 6, 71, 1), 1, 512),  # lanes along columns: some of a vector exist
        ((1, 1, 70, 3), (1, 1, 70, 3), 1, 128),  # lanes along columns and channels
        ((2, 3, 40, 1), (2, 3, 20, 1), 2, 512),  # lanes that are gathered
    ],
)
def test_windows_leave_no_buffer(
    shape: tuple[int, ...], sizes: tuple[int, ...], step: int, bits: int
) -> None:
    """What does not exist is not read; the interpreter checks."""
    places = [(0, -1, -1, 0), (0, 0, 1, 0), (0, 1, -2, 0)]
    check(
        schedule("pointwise", sizes),
        [sample(shape)],
        lambda x: [
            sum((window(x, at, sizes, step, 1.5) for at in places[1:]), window(x, places[0], sizes, step))
        ],
        bits=bits,
    )


@pytest.mark.parametrize(
    ("shape", "split"),
    [
        ((2, 9, 60, 17), None),
        ((3, 1, 60, 5), 3),
        ((1, 60, 1, 40), 2),
        ((2, 1, 1, 9), None),
        ((3, 5, 20, 70), 3),  # all blocks of columns for a row of an image
        ((2, 5, 17, 70), 4),  # parts of each image
        ((3, 4, 7, 131), 2),  # all blocks of columns for an image
    ],
)
def test_sums_of_windows(shape: tuple[int, ...], split: int | None) -> None:
    """Long ones, so that totals are kept in blocks, of rows in the box and beside it."""

    def body(x: Tensor, dy: Tensor) -> list[Tensor]:
        views = [window(x, at, shape) for at in ((0, -1, -1, 0), (0, 1, 2, 0))]
        return [Sum.over(view * dy, (0, 1, 2)) for view in views]

    numbers = {} if split is None else {"split": split}
    check(schedule("columns", shape[3:], shape[:3], **numbers), [sample(shape), sample(shape)], body)


def test_stages_of_windows_in_parts() -> None:
    """As in the gradient of batch norm: elements are stored of images less their mean, and summed up with views."""
    shape = (3, 5, 20, 71)

    def body(x: Tensor, dy: Tensor) -> list[Tensor]:
        y = dy - Sum.over(dy, (0, 1, 2), keepdims=True) * 0.01
        views = [window(x, (0, at, 1, 0), shape) for at in range(-1, 2)]
        return [y, *(Sum.over(view * y, (0, 1, 2)) for view in views)]

    split = schedule("columns", shape[3:], shape[:3], split=3)
    check(split, [sample(shape), sample(shape, seed=1)], body, bits=128)


def test_other_kinds_compare_bounds() -> None:
    """Totals of rows have no inner box."""
    shape = (2, 5, 20, 3)

    def body(x: Tensor) -> list[Tensor]:
        return [Sum.over(window(x, (0, -1, 1, 0), shape) * 0.5, (1, 2, 3))]

    check(schedule("rows", shape[:1], shape[1:]), [sample(shape)], body)


def computed(dtype: str, case: tuple[Any, ...], target: str) -> tuple[list[Any], str]:
    """A depthwise convolution and pooling, with gradients."""
    images, filters, strides, padding, dilations = case
    rng = np.random.default_rng(0)
    x, f = (rng.standard_normal(shape).astype(np.float32) for shape in (images, filters))
    with pb.Graph():
        ps = [pb.placeholder("f32", a.shape) for a in (x, f)]
        inputs = [pb.cast(p, dtype) for p in ps]
        y = pb.conv2d(inputs[0], inputs[1], strides, padding, dilations=dilations)
        z = pb.max_pool2d(y, 2, strides=1, padding="SAME") + pb.avg_pool2d(
            y, (3, 2), strides=1, padding="SAME"
        )
        outputs = [y, z, *pb.gradients(pb.sum(pb.square(z)), ps)]
        step = pb.compile(inputs=ps, outputs=[pb.cast(t, "f32") for t in outputs], target=target)
    return step(x, f), step.ir("kernels")


CASES: list[tuple[str, str, tuple[Any, ...]]] = [
    ("cpu", "f32", ((2, 7, 6, 17), (3, 3, 1, 17), 1, "SAME", 1)),
    ("cpu", "bf16", ((1, 5, 9, 2), (2, 3, 1, 2), 1, "SAME", 2)),
    ("simt", "f64", ((1, 8, 7, 3), (3, 2, 1, 3), 2, ((1, 2), (0, 3)), 1)),
]


@pytest.mark.parametrize(("target", "dtype", "case"), CASES)
def test_no_border_is_made(target: str, dtype: str, case: tuple[Any, ...]) -> None:
    made, text = computed(dtype, case, target)
    expected, _ = computed(dtype, case, "numpy")
    tolerance = 0.05 if dtype == "bf16" else 1e-5
    for ours, theirs in zip(made, expected, strict=True):
        scale = np.max(np.abs(theirs), initial=1e-30)
        np.testing.assert_allclose(ours, theirs, atol=tolerance * scale, rtol=0)
    assert "graph.padded_slice" in text
    assert "graph.mosaic" not in text


@pytest.mark.parametrize(
    ("shape", "sizes", "step", "bits"),
    [
        ((2, 5, 11, 17), (2, 5, 11, 17), 1, 512),
        ((1, 4, 19, 9), (1, 2, 10, 9), 2, 128),
        ((2, 3, 2, 8), (2, 3, 2, 8), 1, 256),  # fewer windows than are computed at once
        ((2, 5, 14, 4), (2, 5, 10, 4), 1, 128),  # all exist
        ((2, 3, 2, 8), (2, 3, 9, 8), 1, 256),  # at no index all exist
    ],
)
def test_windows_side_by_side(
    shape: tuple[int, ...], sizes: tuple[int, ...], step: int, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What several windows read is loaded once, also of filters."""
    monkeypatch.setattr(windows_at_once, "FEWEST_LOADS", 0)
    monkeypatch.setattr(pointwise, "ENOUGH", 1)
    first = 0 if shape[2] == 14 else -1

    def body(x: Tensor, f: Tensor) -> list[Tensor]:
        y = window(x, (0, 0, first, 0), sizes, step)
        for at in range(1, 4):
            y = y + window(x, (0, 0, first + at, 0), sizes, step) * f
        return [y]

    check(schedule("pointwise", sizes), [sample(shape), sample(shape[3:])], body, bits=bits)
