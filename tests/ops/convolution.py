"""Cases of convolutions: against plain loops over windows, and against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.windows.convolution import (
    Conv2D,
    Conv2DFilterGradient,
    Conv2DInputGradient,
)
from pullback.dialects.graph.windows.depthwise_convolution import DepthwiseConv2D
from pullback.dialects.graph.windows.windows import Padding, Pair
from pullback.tests.ops.case import Case
from pullback.tests.ops.loops import WindowLoops

VALID: Padding = ((0, 0), (0, 0))


def _convolved(
    x: str, filters: str, strides: Pair = (1, 1), padding: Padding = VALID, dilations: Pair = (1, 1)
) -> Case:
    loops = WindowLoops(strides, padding, dilations)
    return Case(
        (x, filters),
        lambda a, b: Conv2D.apply(a, b, strides, padding, dilations),
        lambda a, b: loops.convolution(a, b),
    )


def _correlated(x: Any, filters: Any) -> Any:
    """By SciPy, for one group."""
    images = [
        sum(scipy.signal.correlate(image[..., c], f[..., c], "valid") for c in range(image.shape[-1]))
        for image in x
        for f in np.moveaxis(filters, 3, 0)
    ]
    rows, columns = images[0].shape
    return np.moveaxis(np.reshape(images, (len(x), filters.shape[3], rows, columns)), 1, 3)


def _depthwise(x: str, filters: str, strides: Pair, padding: Padding, dilations: Pair = (1, 1)) -> Case:
    """The reference convolves the channels one by one."""
    loops = WindowLoops(strides, padding, dilations)

    def reference(a: Any, b: Any) -> Any:
        channels = [loops.convolution(a[..., [c]], b[:, :, [c]]) for c in range(a.shape[3])]
        return np.concatenate(channels, axis=3)

    return Case(
        (x, filters), lambda a, b: DepthwiseConv2D.apply(a, b, strides, padding, dilations), reference
    )


def _transposes(
    x: str, filters: str, strides: Pair, padding: Padding, dilations: Pair = (1, 1)
) -> list[Case]:
    """Of both operations, as functions of all that they are linear in; the reference sums over every pair."""
    loops = WindowLoops(strides, padding, dilations)

    def made(op: Any, wrt: int) -> Callable[..., Tensor]:
        def body(a: Tensor, b: Tensor) -> Tensor:
            y = Conv2D.apply(a, b, strides, padding, dilations)
            return op.like((b, a)[wrt], y, (a, b)[wrt], y.op.properties)

        return body

    return [
        Case(
            (x, filters),
            made(op, wrt),
            lambda a, b, wrt=wrt: loops.transpose(a, b, loops.convolution(a, b), wrt),
        )
        for wrt, op in enumerate((Conv2DInputGradient, Conv2DFilterGradient))
    ]


_GRADIENTS = [
    _transposes("2x4x5x2xf64", "2x3x2x3xf64", (1, 1), "SAME"),
    _transposes("1x5x5x4xf64", "3x2x2x2xf64", (2, 1), ((1, 0), (0, 2)), (1, 2)),
    _transposes("?x?x4x1xf64", "2x2x1x2xf64", (2, 2), "SAME"),
    _transposes("1x3x3x1xcomplex<f64>", "2x2x1x1xcomplex<f64>", (1, 1), VALID),
]

CASES: dict[str, list[Case]] = {
    "graph.conv2d": [
        Case(("2x5x4x3xf64", "2x3x3x4xf64"), lambda a, b: Conv2D.apply(a, b, (1, 1), VALID), _correlated),
        _convolved("1x5x7x2xf64", "3x3x2x3xf64", (2, 3), "SAME"),
        _convolved("1x7x6x1xf64", "3x2x1x2xf64", (1, 2), ((0, 2), (1, 0)), (2, 3)),
        _convolved("?x5x5x1xf64", "3x3x1x2xf64", (2, 2), "SAME"),
        _convolved("2x?x?x2xf64", "2x2x2x1xf64", (1, 2), "SAME"),
        _convolved("2x3x4x3xf64", "1x1x3x2xf64"),
        _convolved("2x3x4x2xf64", "3x4x2x2xf64"),
        _convolved("2x4x4x4xf64", "2x2x2x6xf64", (1, 1), ((1, 1), (0, 0))),
        _convolved("0x4x4x2xf64", "2x2x2x3xf64"),
        _convolved("1x17x1x1xf64", "1x1x1x17xf64", (3, 1), "SAME"),
        _convolved("1x3x3x1xcomplex<f64>", "2x2x1x2xcomplex<f64>"),
        _convolved("1x4x4x2xi32", "3x3x2x2xi32", (1, 1), "SAME"),
    ],
    "graph.depthwise_conv2d": [
        _depthwise("2x4x5x3xf64", "2x3x3x2xf64", (1, 1), VALID),
        _depthwise("1x5x4x2xf64", "3x2x2x1xf64", (2, 1), "SAME", (1, 2)),
        _depthwise("?x?x4x1xf64", "1x2x1x3xf64", (1, 3), ((0, 0), (1, 0))),
        _depthwise("0x3x3x2xf64", "3x3x2x2xf64", (1, 1), "SAME"),
        _depthwise("1x3x3x2xcomplex<f64>", "2x2x2x1xcomplex<f64>", (1, 1), VALID),
    ],
    "graph.conv2d_input_gradient": [of_input for of_input, _ in _GRADIENTS],
    "graph.conv2d_filter_gradient": [of_filter for _, of_filter in _GRADIENTS],
}

X, F = "tensor<1x5x5x2xf32>", "tensor<3x3x2x4xf32>"


def _properties(
    strides: str = "1, 1", dilations: str = "1, 1", padding: str = "array<i64: 0, 0, 0, 0>"
) -> str:
    return f"{{strides = array<i64: {strides}>, dilations = array<i64: {dilations}>, padding = {padding}}}"


def _broken(label: str, x: str, f: str, properties: str) -> tuple[str, str, str]:
    return label, f"%x: {x}, %f: {f}", f"graph.conv2d %x, %f {properties} : ({x}, {f}) -> {X}"


BROKEN: list[tuple[str, str, str]] = [
    _broken("rank_c4", "tensor<5x5x2xf32>", F, _properties()),
    _broken("rank_c5", X, "tensor<3x3x2xf32>", _properties()),
    _broken("dtype_c1", "tensor<1x5x5x2xi1>", "tensor<3x3x2x4xi1>", _properties()),
    _broken("dtype_c2", "tensor<1x5x5x2xf64>", F, _properties()),
    _broken("channels_c1", "tensor<1x5x5x3xf32>", F, _properties()),
    _broken("channels_c2", "tensor<1x5x5x6xf32>", F, _properties()),
    _broken("windows_c1", X, F, _properties(strides="0, 1")),
    _broken("windows_c1", X, F, _properties(dilations="1")),
    _broken("windows_c2", X, F, _properties(padding="array<i64: 0, 0, 0>")),
    _broken("windows_c2", X, F, _properties(padding="array<i64: 0, 0, 0, -1>")),
    _broken("windows_c3", X, F, _properties(padding='"VALID"')),
    _broken("windows_c4", "tensor<1x2x5x2xf32>", F, _properties()),
    (
        "channels_c3",
        f"%x: {X}, %f: tensor<3x3x1x2xf32>",
        f"graph.depthwise_conv2d %x, %f {_properties()} : ({X}, tensor<3x3x1x2xf32>) -> tensor<1x3x3x4xf32>",
    ),
    (
        "gradient_c1",
        f"%f: {F}, %dy: tensor<1x3x3x3xf32>",
        f"graph.conv2d_input_gradient %f, %dy {_properties()} : ({F}, tensor<1x3x3x3xf32>) -> {X}",
    ),
    (
        "gradient_c1",
        f"%x: {X}, %dy: tensor<1x2x3x4xf32>",
        f"graph.conv2d_filter_gradient %x, %dy {_properties()} : ({X}, tensor<1x2x3x4xf32>) -> {F}",
    ),
    (
        "dtype_c2",
        f"%x: {X}, %dy: tensor<1x3x3x4xf64>",
        f"graph.conv2d_filter_gradient %x, %dy {_properties()} : ({X}, tensor<1x3x3x4xf64>) -> {F}",
    ),
    (
        "shape_c1",
        f"%f: {F}, %dy: tensor<?x3x3x4xf32>",
        f"graph.conv2d_input_gradient %f, %dy {_properties()} : ({F}, tensor<?x3x3x4xf32>) -> tensor<?x5x5x2xf32>",
    ),
]
