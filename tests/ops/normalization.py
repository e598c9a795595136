"""Cases of normalization, against its definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, f64, i64

from pullback.dialects.graph.along_axes.normalization import BatchNorm, BiasAdd, LayerNorm, RmsNorm
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case

X, V = "2x3xf64", "3xf64"


def bias(axis: int) -> Callable[..., Tensor]:
    """The bias along an axis."""
    return lambda x, b: BiasAdd.of(x, b, axis=IntegerAttr(axis, i64))


def over(op: Any, *axes: int, epsilon: float = 1e-3) -> Callable[..., list[Tensor]]:
    """All results of a normalization over axes."""
    properties = {"axes": integers(axes), "epsilon": FloatAttr(epsilon, f64)}
    return lambda *xs: [Tensor(r) for r in op.emit([x.value for x in xs], properties).results]


def standardized(x: Any, axes: Sequence[int], epsilon: float = 1e-3) -> Any:
    """By the definition."""
    x = np.asarray(x, np.float64)
    return (x - x.mean(tuple(axes), keepdims=True)) / np.sqrt(x.var(tuple(axes), keepdims=True) + epsilon)


def batch(x: Any, scale: Any, offset: Any, axes: Sequence[int] = (0,)) -> list[Any]:
    """Parameters along the last axes."""
    return [standardized(x, axes) * scale + offset, x.mean(tuple(axes)), x.var(tuple(axes))]


def rms(x: Any, scale: Any) -> Any:
    """Along the last axis."""
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-3) * scale


CASES: dict[str, list[Case]] = {
    "graph.bias_add": [
        Case(("2x4x3xf64", V), bias(2), lambda x, b: x + b),
        Case(("2x3x?xf64", V), bias(1), lambda x, b: x + b[:, None]),
        Case(("?xf64", V), bias(0), lambda x, b: x + b),
        Case(("2x0x3xi32", "3xi32"), bias(2), lambda x, b: x + b, orders=()),
    ],
    "graph.layer_norm": [
        Case((X, V, V), over(LayerNorm, 1), lambda x, s, o: standardized(x, [1]) * s + o),
        Case(
            ("?x2x3xf64", "2x3xf64", "2x3xf64"),
            over(LayerNorm, 1, 2),
            lambda x, s, o: standardized(x, [1, 2]) * s + o,
        ),
        Case(
            ("?x?xf64", "?xf64", "?xf64"),
            over(LayerNorm, 0),
            lambda x, s, o: standardized(x, [0]) * s[:, None] + o[:, None],
        ),
        Case(("0x3xf64", V, V), over(LayerNorm, 1), lambda x, s, o: x),
        Case(("2x1xf64", "1xf64", "1xf64"), over(LayerNorm, 1), lambda x, s, o: 0 * x + o),
        Case(
            ("5x17xf32", "17xf32", "17xf32"),
            over(LayerNorm, 1),
            lambda x, s, o: standardized(x, [1]) * s + o,
            orders=(),
            tolerance=1e-5,
        ),
        Case(
            ("5x17xf16", "17xf16", "17xf16"),
            over(LayerNorm, 1),
            lambda x, s, o: standardized(x, [1]) * s + o,
            orders=(),
            tolerance=1e-2,
        ),
    ],
    "graph.batch_norm": [
        Case(("4x3xf64", V, V), over(BatchNorm, 0), batch),
        Case(("2x2x4x3xf64", V, V), over(BatchNorm, 0, 1, 2), lambda x, s, o: batch(x, s, o, (0, 1, 2))),
        Case(
            ("?x3x2xf64", V, V),
            over(BatchNorm, 0, 2),
            lambda x, s, o: [
                standardized(x, [0, 2]) * s[:, None] + o[:, None],
                x.mean((0, 2)),
                x.var((0, 2)),
            ],
        ),
        Case(("4x3xf64", V, V), lambda *xs: over(BatchNorm, 0)(*xs)[0], lambda *xs: batch(*xs)[0]),
        Case(
            ("4x3xbf16", "3xbf16", "3xbf16"),
            lambda *xs: over(BatchNorm, 0)(*xs)[0],
            lambda x, s, o: standardized(x, [0]) * np.float64(s) + np.float64(o),
            orders=(),
            tolerance=0.05,
        ),
    ],
    "graph.rms_norm": [
        Case((X, V), over(RmsNorm, 1), rms),
        Case(("?x2x?xf64", "?xf64"), over(RmsNorm, 2), rms),
        Case(("5x17xf32", "17xf32"), over(RmsNorm, 1), rms, orders=(), tolerance=1e-5),
    ],
}

XS, VS, WS = "tensor<2x3xf32>", "tensor<3xf32>", "tensor<2xf32>"
OPTIONS = "{axes = array<i64: 1>, epsilon = 1.0e-5 : f64}"
BROKEN = [
    ("parameter_c1", f"%x: {XS}, %w: {WS}", f"graph.layer_norm %x, %w, %w {OPTIONS} : ({XS}, {WS}, {WS}) -> {XS}"),
    ("parameter_c1", f"%x: {XS}, %w: {WS}", f"graph.bias_add %x, %w {{axis = 1 : i64}} : ({XS}, {WS}) -> {XS}"),
    ("dtype_c2", f"%x: {XS}, %v: tensor<3xf64>", f"graph.rms_norm %x, %v {OPTIONS} : ({XS}, tensor<3xf64>) -> {XS}"),
    ("dtype_c1", "%x: tensor<2x3xi32>", f"graph.rms_norm %x, %x {OPTIONS} : tensor<2x3xi32>"),
    ("axes_c1", f"%x: {VS}", f"graph.rms_norm %x, %x {OPTIONS} : {VS}"),
    ("axis_c1", f"%x: {VS}", f"graph.bias_add %x, %x {{axis = 1 : i64}} : {VS}"),
]  # fmt: skip
