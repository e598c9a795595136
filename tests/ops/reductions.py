"""Cases of reductions: of none, of ties, of zeros, of several axes, of NaN and infinity."""

from __future__ import annotations

import numpy as np
from scipy import special

from pullback.dialects.graph.along_axes.arg_extrema import ArgMax, ArgMin
from pullback.dialects.graph.along_axes.norms import EuclideanNorm
from pullback.dialects.graph.along_axes.reductions import AllTrue, AnyTrue, Max, Min, Prod, Sum
from pullback.dialects.graph.along_axes.softmax import LogSumExp
from pullback.dialects.graph.along_axes.statistics import Mean
from pullback.tests.ops.case import Case, Sampler


def values(*given: float) -> Sampler:
    """These, whatever the shape."""
    return lambda rng, shape: np.reshape(np.array(given), shape)


def truths(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Truth values, mostly alike."""
    return rng.random(shape) < 0.8


TIES = values(1, 3, 3, 0, 3, 2)
ZEROS = values(0, 2, 3, 0, 0, 4)
SPECIAL = values(1, np.nan, np.inf, -np.inf, 2, 3)
X = "2x3xf64"

CASES: dict[str, list[Case]] = {
    "graph.sum": [
        Case(("2x3x4xf64",), lambda x: Sum.over(x, (0, 2)), lambda x: x.sum(axis=(0, 2))),
        Case(("0x3xf64",), lambda x: Sum.over(x, 0), lambda x: x.sum(axis=0)),
        Case(("3xf16",), lambda x: Sum.over(x), lambda x: x.sum(), orders=()),
    ],
    "graph.prod": [
        Case((X,), lambda x: Prod.over(x, 1), lambda x: x.prod(axis=1)),
        Case((X,), lambda x: Prod.over(x, 1), lambda x: x.prod(axis=1), (ZEROS,)),
        Case(
            ("2x3x2xf64",),
            lambda x: Prod.over(x, (0, 2), keepdims=True),
            lambda x: x.prod((0, 2), keepdims=True),
        ),
        Case(("?x3xf64",), lambda x: Prod.over(x), np.prod),
        Case(("0x3xf64",), lambda x: Prod.over(x, 0), lambda x: x.prod(axis=0)),
        Case(("2x3xcomplex<f64>",), lambda x: Prod.over(x, -1), lambda x: x.prod(axis=-1)),
        Case(("17xi32",), lambda x: Prod.over(x), lambda x: x.prod(dtype=x.dtype), orders=()),
        Case(("1x17xf32",), lambda x: Prod.over(x, 1), lambda x: x.prod(axis=1), orders=(), tolerance=1e-6),
    ],
    "graph.max": [
        Case(("3x5xi8",), lambda x: Max.over(x, 1), lambda x: x.max(axis=1), orders=()),
        Case(("2x0xf64",), lambda x: Max.over(x, 1), lambda x: np.full(2, -np.inf)),
        Case((X,), lambda x: Max.over(x, 1), lambda x: x.max(axis=1), (SPECIAL,), orders=()),
    ],
    "graph.min": [
        Case((X,), lambda x: Min.over(x, 1), lambda x: x.min(axis=1)),
        Case(("?x3xf64",), lambda x: Min.over(x, (0, -1), keepdims=True), lambda x: x.min(keepdims=True)),
        Case(("17x1xf64",), lambda x: Min.over(x, 0), lambda x: x.min(axis=0)),
        Case((X,), lambda x: Min.over(x, 1), lambda x: x.min(axis=1), (TIES,), orders=()),
        Case((X,), lambda x: Min.over(x, 1), lambda x: x.min(axis=1), (SPECIAL,), orders=()),
        Case(("2x0xf64",), lambda x: Min.over(x, 1), lambda x: np.full(2, np.inf)),
        Case(("0xi32",), lambda x: Min.over(x), lambda x: np.int32(2**31 - 1), orders=()),
        Case(
            ("4x5xi64",),
            lambda x: Min.over(x, 0),
            lambda x: x.min(axis=0),
            (lambda rng, shape: -rng.integers(0, 99, shape),),
            orders=(),
        ),
        Case(("4xui8",), lambda x: Min.over(x), np.min, orders=()),
        Case(("4x3xbf16",), lambda x: Min.over(x, 0), lambda x: x.min(axis=0), orders=()),
    ],
    "graph.any": [
        Case(
            ("5x17xi1",),
            lambda x: AnyTrue.over(x, 1),
            lambda x: x.any(axis=1),
            (lambda rng, shape: ~truths(rng, shape),),
            orders=(),
        ),
        Case(("5x40xi1",), lambda x: AnyTrue.over(x, 0), lambda x: x.any(axis=0), orders=()),
        Case(
            ("0x3xi1",),
            lambda x: AnyTrue.over(x, 0, keepdims=True),
            lambda x: x.any(axis=0, keepdims=True),
            orders=(),
        ),
        Case(("70x3xi1",), AnyTrue.over, np.any, (lambda rng, shape: np.zeros(shape),), orders=()),
    ],
    "graph.all": [
        Case(("5x17xi1",), lambda x: AllTrue.over(x, 1), lambda x: x.all(axis=1), (truths,), orders=()),
        Case(("5x40xi1",), lambda x: AllTrue.over(x, 0), lambda x: x.all(axis=0), (truths,), orders=()),
        Case(("0x3xi1",), lambda x: AllTrue.over(x), np.all, orders=()),
        Case(("70x3xi1",), AllTrue.over, np.all, (lambda rng, shape: np.ones(shape),), orders=()),
    ],
    "graph.argmax": [
        Case((X,), lambda x: ArgMax.along(x, 1), lambda x: x.argmax(axis=1), (TIES,), orders=()),
        Case(
            (X,),
            lambda x: ArgMax.along(x, -1, keepdims=True),
            lambda x: x.argmax(axis=1, keepdims=True),
            (SPECIAL,),
            orders=(),
        ),
        Case(("?x3xi32",), lambda x: ArgMax.along(x, 0), lambda x: x.argmax(axis=0), orders=()),
        Case(("0x3xbf16",), lambda x: ArgMax.along(x, 1), lambda x: x.argmax(axis=1), orders=()),
        Case(("4xi1",), lambda x: ArgMax.along(x, 0), np.argmax, orders=()),
    ],
    "graph.argmin": [
        Case((X,), lambda x: ArgMin.along(x, 1), lambda x: x.argmin(axis=1), (TIES,), orders=()),
        Case((X,), lambda x: ArgMin.along(x, 0), lambda x: x.argmin(axis=0), (SPECIAL,), orders=()),
        Case(("1x17xf16",), lambda x: ArgMin.along(x, 1), lambda x: x.argmin(axis=1), orders=()),
    ],
    "graph.mean": [
        Case((X,), lambda x: Mean.over(x, 1), lambda x: x.mean(axis=1)),
        Case(("?x3xf64",), lambda x: Mean.over(x, 0, keepdims=True), lambda x: x.mean(axis=0, keepdims=True)),
        Case(("?x?xf64",), Mean.over, np.mean),
        Case(("17x1xf64",), lambda x: Mean.over(x, (-1, 0)), np.mean),
        Case(("2x0xf64",), lambda x: Mean.over(x, 1), lambda x: np.full(2, np.nan), orders=()),
        Case(("0x2xf64",), lambda x: Mean.over(x, 1), lambda x: np.zeros(0)),
        Case(("2x3xcomplex<f64>",), lambda x: Mean.over(x, 0), lambda x: x.mean(axis=0)),
        Case(("3xf16",), Mean.over, np.mean, orders=(), tolerance=1e-3),
        Case(("70000xf16",), Mean.over, lambda x: x.astype(np.float64).mean(), orders=(), tolerance=1e-3),
    ],
    "graph.euclidean_norm": [
        Case((X,), lambda x: EuclideanNorm.over(x, 1), lambda x: np.linalg.norm(x, axis=1)),
        Case(
            ("?x3xf64",), lambda x: EuclideanNorm.over(x, 0, True), lambda x: np.linalg.norm(x, axis=0)[None]
        ),
        Case(("?x?xf64",), EuclideanNorm.over, np.linalg.norm),
        Case(("2x0xf64",), lambda x: EuclideanNorm.over(x, 1), lambda x: np.zeros(2)),
        Case(
            ("3xf64",), EuclideanNorm.over, lambda x: np.hypot(*x[1:]), (values(0, -3e200, 4e200),), orders=()
        ),
        Case(("3xf64",), EuclideanNorm.over, lambda x: 5e-200, (values(0, -3e-200, 4e-200),), orders=()),
        Case(
            ("17x33xf32",),
            lambda x: EuclideanNorm.over(x, 0),
            lambda x: np.linalg.norm(x, axis=0),
            orders=(),
            tolerance=1e-6,
        ),
        Case(
            ("3xf16",),
            EuclideanNorm.over,
            lambda x: np.linalg.norm(x.astype(np.float64)),
            orders=(),
            tolerance=1e-3,
        ),
    ],
    "graph.logsumexp": [
        Case((X,), lambda x: LogSumExp.over(x, 1), lambda x: special.logsumexp(x, axis=1)),
        Case(
            ("?x3xf64",),
            lambda x: LogSumExp.over(x, keepdims=True),
            lambda x: special.logsumexp(x, keepdims=True),
        ),
        Case(
            (X,),
            lambda x: LogSumExp.over(x, 1),
            lambda x: special.logsumexp(x, axis=1),
            (values(1e4, 1e4 + 1, -1e4, -1e4, -1e4, -1e4),),
            orders=(1,),
        ),
        Case(
            ("3x2xf64",),
            lambda x: LogSumExp.over(x, 1),
            lambda x: special.logsumexp(x, axis=1),
            (values(-np.inf, -np.inf, np.inf, 1, np.nan, 1),),
            orders=(),
        ),
        Case(("2x0xf64",), lambda x: LogSumExp.over(x, 1), lambda x: np.full(2, -np.inf), orders=()),
    ],
}

Z = "tensor<3xcomplex<f32>>"
BROKEN = [
    ("dtype_c1", "%x: tensor<3xf32>", "graph.any %x {axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>"),
    ("dtype_c1", "%x: tensor<3xi32>", "graph.mean %x {axes = array<i64: 0>} : (tensor<3xi32>) -> tensor<i32>"),
    ("dtype_c1", f"%z: {Z}", f"graph.argmax %z {{axis = 0 : i64}} : ({Z}) -> tensor<i64>"),
    ("axis_c1", "%x: tensor<3xf32>", "graph.argmin %x {axis = 1 : i64} : (tensor<3xf32>) -> tensor<i64>"),
    ("extent_c1", "%x: tensor<2x0xf32>", "graph.argmax %x {axis = 1 : i64} : (tensor<2x0xf32>) -> tensor<2xi64>"),
    ("results_c2", "%x: tensor<2xf32>", "graph.argmax %x {axis = 0 : i64} : (tensor<2xf32>) -> tensor<i32>"),
    ("axes_c1", "%x: tensor<3xf32>", "graph.logsumexp %x {axes = array<i64: 1>} : (tensor<3xf32>) -> tensor<3xf32>"),
]  # fmt: skip
