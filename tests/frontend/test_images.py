"""Convolutions and pooling as users call them: TensorFlow's forms of arguments, data formats, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 7, 6, 4)).astype(np.float32)
F = RNG.standard_normal((3, 2, 4, 5)).astype(np.float32)
WRONG: Any = pb


def test_same_padding_is_asymmetric(graph: pb.Graph) -> None:
    """Of an odd number of rows the larger half comes after the image."""
    x, f = pb.constant(np.ones((1, 4, 4, 1), np.float32)), pb.constant(np.ones((2, 2, 1, 1), np.float32))
    sums = pb.run(pb.conv2d(x, f, padding="SAME"))[0, :, :, 0]
    assert sums.tolist() == [[4, 4, 4, 2]] * 3 + [[2, 2, 2, 1]]
    strided = pb.run(pb.conv2d(x, pb.ones((3, 3, 1, 1)), 2, "SAME"))[0, :, :, 0]
    assert strided.tolist() == [[9, 6], [6, 4]]


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 2), (0, 1))], ids=str)
@pytest.mark.parametrize("function", ["conv2d", "depthwise_conv2d", "max_pool2d", "avg_pool2d"])
def test_channels_first(graph: pb.Graph, function: str, padding: Any) -> None:
    """NCHW is NHWC with its axes moved, and so are strides and paddings that are given for each axis."""
    call: Any = getattr(pb, function)
    second = (3, 2) if "pool" in function else F
    expected = pb.run(call(X, second, (2, 1), padding))
    explicit = padding if isinstance(padding, str) else [(0, 0), (0, 0), *padding]
    moved = call(X.transpose(0, 3, 1, 2), second, [1, 1, 2, 1], explicit, data_format="NCHW")
    np.testing.assert_array_equal(pb.run(moved), expected.transpose(0, 3, 1, 2))
    explicit = padding if isinstance(padding, str) else [(0, 0), *padding, (0, 0)]
    np.testing.assert_array_equal(pb.run(call(X, second, [1, 2, 1, 1], explicit)), expected)


@pytest.mark.parametrize("shape", [(None, 7, 6, 4), (None, None, None, 4)], ids=str)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_unknown_extents(graph: pb.Graph, shape: tuple[int | None, ...], padding: str) -> None:
    x = pb.placeholder("f32", shape, name="x")
    known, unknown = (
        pb.sum(pb.max_pool2d(pb.conv2d(v, F, 2, padding), 2, 1, padding)) for v in (pb.constant(X), x)
    )
    (dx,) = pb.gradients(unknown, [x])
    expected, found, gradient = pb.run([known, unknown, dx], {x: X})
    assert found == expected
    assert gradient.shape == X.shape
    step = pb.compile([x], [unknown, dx], target="cpu")
    np.testing.assert_allclose(step(X)[1], gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_transpose_is_the_adjoint(graph: pb.Graph, padding: str) -> None:
    """<conv2d(x), y> = <x, conv2d_transpose(y)>, whatever is known of the number of images."""
    y = pb.conv2d(X, F, (2, 3), padding)
    seed = RNG.standard_normal([n or 0 for n in y.shape]).astype(np.float32)
    unknown = pb.placeholder("f32", (None, *seed.shape[1:]), name="seed")
    shapes: list[Any] = [X.shape, (None, *X.shape[1:]), (-1, *X.shape[1:]), pb.constant(np.array(X.shape))]
    made = [pb.conv2d_transpose(unknown, F, s, (2, 3), padding) for s in shapes]
    first = pb.conv2d_transpose(
        pb.transpose(unknown, (0, 3, 1, 2)), F, (None, 4, 7, 6), (2, 3), padding, data_format="NCHW"
    )
    values = pb.run([y, *made, pb.transpose(first, (0, 2, 3, 1))], {unknown: seed})
    for value in values[1:]:
        assert value.shape == X.shape
        assert np.sum(value * X) == pytest.approx(np.sum(values[0] * seed), rel=1e-4)


def test_filters_of_one_element_run_in_kernels(graph: pb.Graph) -> None:
    """So do their gradients: all three are matrix products."""
    x, f = pb.placeholder("f32", X.shape), pb.placeholder("f32", (1, 1, 4, 5))
    y = pb.conv2d(x, f, padding="SAME")
    step = pb.compile([x, f], [y, *pb.gradients(pb.sum(y * y), [x, f])], target="cpu")
    assert "graph.conv2d" not in step.ir("kernels")
    filters = F[:1, :1]
    expected = X @ filters[0, 0]
    value, dx, df = step(X, filters)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dx, 2 * expected @ filters[0, 0].T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        df[0, 0], np.tensordot(X, 2 * expected, ([0, 1, 2], [0, 1, 2])), rtol=1e-4, atol=1e-3
    )


def test_name(graph: pb.Graph) -> None:
    assert pb.conv2d(X, F, name="first").name == "first"
    assert pb.max_pool2d(X, 2, 2, name="pool").name == "pool"


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
@pytest.mark.parametrize("strides", [1, 2])
def test_empty_images_have_no_windows_with_padding_same(strides: int, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 0, 5, 1), name="x")
        f = pb.placeholder("f32", (3, 3, 1, 4), name="f")
        y = pb.conv2d(x, f, strides, "SAME")
        pooled = [pool(x, 3, strides, "SAME") for pool in (pb.max_pool2d, pb.avg_pool2d)]
        total = pb.sum(y) + pb.sum(pooled[0]) + pb.sum(pooled[1])
        step = pb.compile([x, f], [y, *pooled, *pb.gradients(total, [x, f])], target)
    results = step(np.zeros((2, 0, 5, 1), np.float32), np.ones((3, 3, 1, 4), np.float32))
    columns = 5 if strides == 1 else 3
    shapes = [(2, 0, columns, 4), *[(2, 0, columns, 1)] * 2, (2, 0, 5, 1), (3, 3, 1, 4)]  # TensorFlow's
    assert [result.shape for result in results] == shapes
    np.testing.assert_array_equal(results[-1], 0)


REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "rank": (
        r"conv2d: input: expected images of rank 4 \(NHWC\), got tensor<6x4xf32>",
        lambda: pb.conv2d(X[0, 0], F),
    ),
    "rank of filters": ("conv2d: filters: expected rank 4", lambda: pb.conv2d(X, F[0])),
    "channels": ("channels_c1: channels must be as many .*, got 3 and 4", lambda: pb.conv2d(X[..., :3], F)),
    "outputs of groups": ("channels_c2: .*, got 5 outputs in 2 groups", lambda: pb.conv2d(X, F[:, :, :2])),
    "depthwise channels": ("channels_c3: .*, got 2 and 4", lambda: pb.depthwise_conv2d(X, F[:, :, :2])),
    "dtypes": ("dtype_c2: operands must have one dtype", lambda: pb.conv2d(X, F.astype(np.float64))),
    "too large": ("windows_c4: .*, got one of 3 rows and 2 rows", lambda: pb.conv2d(X[:, :2], F)),
    "too large with dilations": ("windows_c4: .* 9 rows and 7", lambda: pb.conv2d(X, F, dilations=4)),
    "format": (
        "data_format: expected 'NHWC' or 'NCHW', got 'NWHC'",
        lambda: pb.conv2d(X, F, data_format="NWHC"),
    ),
    "strides": (
        "conv2d: strides: expected one, two or four numbers from 1 on, got 0",
        lambda: pb.conv2d(X, F, 0),
    ),
    "strides of images": (
        "strides: expected 1 along images and channels",
        lambda: pb.conv2d(X, F, [2, 1, 1, 1]),
    ),
    "half a stride": ("strides: expected a whole number", lambda: WRONG.conv2d(X, F, 0.5)),
    "padding": ("padding: expected 'SAME', 'VALID' or pairs", lambda: pb.conv2d(X, F, padding="FULL")),
    "padding of images": (
        "padding: expected .0, 0. along images and channels",
        lambda: pb.conv2d(X, F, padding=[(1, 1), (0, 0), (0, 0), (0, 0)]),
    ),
    "negative padding": ("padding: expected pairs of numbers from 0 on", lambda: pb.conv2d(X, F, padding=-1)),
    "padding that is none": (
        "padding: expected 'SAME', 'VALID' or two",
        lambda: WRONG.conv2d(X, F, padding=None),
    ),
    "padding beyond a window": (
        "windows_c5: padding must be less",
        lambda: pb.max_pool2d(X, 2, 2, ((2, 0), (0, 0))),
    ),
    "window": ("max_pool2d: ksize: expected one, two or four", lambda: pb.max_pool2d(X, (1, 2, 3), 1)),
    "integers": ("dtype_c1: needs a floating-point dtype", lambda: pb.avg_pool2d(X.astype(np.int32), 2, 2)),
    "output shape": (
        "output_shape: expected four extents",
        lambda: pb.conv2d_transpose(X, F, (7, 6, 4), 1),
    ),
    "unknown output shape": (
        "output_shape: expected extents that are known",
        lambda: pb.conv2d_transpose(X, F, (2, None, 6, 4), 1),
    ),
    "other output shape": (
        "gradient_c1: dy must have the shape of the convolution",
        lambda: pb.conv2d_transpose(X, F.transpose(0, 1, 3, 2), (2, 9, 6, 5), 1),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(graph: pb.Graph, case: str) -> None:
    message, call = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (6, 8), (7, 5)])
@pytest.mark.parametrize("align_corners", [False, True])
def test_nearest_neighbours(rng: np.random.Generator, size: tuple[int, int], align_corners: bool) -> None:
    images = rng.standard_normal((2, 3, 4, 2))

    def nearest(extent: int, count: int) -> list[int]:
        if align_corners and count > 1:
            return [int(i * (extent - 1) / (count - 1) + 0.5) for i in range(count)]
        return [i * extent // count for i in range(count)]

    rows, columns = nearest(3, size[0]), nearest(4, size[1])
    with pb.Graph():
        x = pb.placeholder("f64", (None, 3, 4, 2), name="x")
        y = pb.resize_nearest_neighbor(x, size, align_corners=align_corners)
        (dx,) = pb.gradients(y, x)
        value, gradient = pb.run([y, dx], {x: images})
    np.testing.assert_array_equal(value, images[:, rows][:, :, columns])
    counts = np.outer(np.bincount(rows, minlength=3), np.bincount(columns, minlength=4))
    np.testing.assert_array_equal(gradient, np.broadcast_to(counts[None, :, :, None], images.shape))


def test_pixels_as_squares() -> None:
    with pb.Graph():
        x = np.arange(3.0).reshape(1, 3, 1, 1)
        y = pb.run(pb.resize_nearest_neighbor(x, (2, 1), half_pixel_centers=True))
    np.testing.assert_array_equal(y.ravel(), [0, 2])


def test_sums_of_many() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        total = pb.add_n([x, 2.0 * x, x])
        np.testing.assert_array_equal(pb.run(total, {x: [1, 2]}), [4, 8])
        assert pb.rank(total) == 1
        with pytest.raises(ValueError, match="at least one tensor"):
            pb.add_n([])
