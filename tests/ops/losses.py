"""Cases of losses: labels of any sum and of no class, extreme logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from pullback.dialects.graph.along_axes.losses import (
    L2Loss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SparseSoftmaxCrossEntropy,
)
from pullback.tests.ops.case import Case
from pullback.tests.ops.reductions import values
from pullback.tests.ops.softmax import EXTREME

X = "2x3xf64"


def cross_entropy(logits: Any, labels: Any) -> Any:
    """By the definition."""
    return -(labels * special.log_softmax(logits, axis=-1)).sum(axis=-1)


def sparse(logits: Any, labels: Any) -> Any:
    """By one-hot labels, of NaN for what is no class."""
    classes = logits.shape[-1]
    one_hot = np.concatenate([np.eye(classes), np.full((1, classes), np.nan)])
    return cross_entropy(logits, one_hot[np.where((labels < 0) | (labels >= classes), classes, labels)])


def sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    """By the definition."""
    return -labels * special.log_expit(logits) - (1 - labels) * special.log_expit(-logits)


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Where the larger of x and 0 has its kink."""
    return np.zeros(shape)


CASES: dict[str, list[Case]] = {
    "graph.softmax_cross_entropy": [
        Case((X, X), SoftmaxCrossEntropy.of, cross_entropy),
        Case(("?x2x3xf64", "?x2x3xf64"), SoftmaxCrossEntropy.of, cross_entropy),
        Case((X, X), SoftmaxCrossEntropy.of, cross_entropy, (EXTREME,), orders=()),
        Case(("3xf64", "?xf64"), SoftmaxCrossEntropy.of, cross_entropy),
        Case(("0x3xf64", "0x3xf64"), SoftmaxCrossEntropy.of, cross_entropy),
        Case(("5x17xf32", "5x17xf32"), SoftmaxCrossEntropy.of, cross_entropy, orders=(), tolerance=1e-5),
    ],
    "graph.sparse_softmax_cross_entropy": [
        Case((X, "2xi32"), SparseSoftmaxCrossEntropy.of, sparse),
        Case(("?x3xf64", "?xi64"), SparseSoftmaxCrossEntropy.of, sparse),
        Case(("2x2x3xf64", "2x2xui8"), SparseSoftmaxCrossEntropy.of, sparse),
        Case(("3xf64", "i8"), SparseSoftmaxCrossEntropy.of, sparse),
        Case((X, "2xi64"), SparseSoftmaxCrossEntropy.of, sparse, (EXTREME,), orders=(1,)),
        Case(
            ("4x3xf64", "4xi32"),
            SparseSoftmaxCrossEntropy.of,
            sparse,
            (None, values(0, 3, -1, 2)),
            orders=(),
        ),
        Case(
            ("2x3xf32", "2xi64"),
            SparseSoftmaxCrossEntropy.of,
            sparse,
            (None, values(2**32, 1)),
            orders=(),
            tolerance=1e-6,
        ),
        Case(("0x3xf64", "0xi32"), SparseSoftmaxCrossEntropy.of, sparse),
        Case(("2x0xf64", "2xi32"), SparseSoftmaxCrossEntropy.of, lambda x, t: np.full(2, np.nan), orders=()),
    ],
    "graph.sigmoid_cross_entropy": [
        Case((X, X), SigmoidCrossEntropy.of, sigmoid_cross_entropy),
        Case(("?x3xf64", "3xf64"), SigmoidCrossEntropy.of, sigmoid_cross_entropy),
        Case(
            (X, X),
            SigmoidCrossEntropy.of,
            lambda x, z: np.where(x > 0, x * (1 - z), -x * z),
            (values(1e4, -1e4, 1e4 - 1, 3e3, 1e4, -1e3),),
            orders=(1,),
        ),
        Case((X, X), SigmoidCrossEntropy.of, sigmoid_cross_entropy, (zeros,), orders=(1,)),
        Case(
            ("5x17xf32", "5x17xf32"), SigmoidCrossEntropy.of, sigmoid_cross_entropy, orders=(), tolerance=1e-5
        ),
    ],
    "graph.l2_loss": [
        Case((X,), L2Loss.of, lambda x: 0.5 * (x**2).sum()),
        Case(("?x0xf64",), L2Loss.of, lambda x: 0.0),
        Case(("17xf32",), L2Loss.of, lambda x: 0.5 * (x**2).sum(), orders=(), tolerance=1e-6),
    ],
}

XS, V2, V3, T3 = "tensor<2x3xf32>", "tensor<2xf32>", "tensor<3xf32>", "tensor<3xi32>"
DENSE, SPARSE = "graph.softmax_cross_entropy", "graph.sparse_softmax_cross_entropy"

BROKEN = [
    ("dtype_c1", f"%x: {T3}", f"{DENSE} %x, %x : ({T3}, {T3}) -> tensor<i32>"),
    ("rank_c3", "%x: tensor<f32>", f"{DENSE} %x, %x : tensor<f32>"),
    ("dtype_c2", f"%x: {XS}, %y: tensor<2x3xf64>", f"{DENSE} %x, %y : ({XS}, tensor<2x3xf64>) -> {V2}"),
    ("labels_c1", f"%x: {XS}, %y: {V3}", f"{DENSE} %x, %y : ({XS}, {V3}) -> {V2}"),
    ("dtype_c5", f"%x: {XS}, %t: {V2}", f"{SPARSE} %x, %t : ({XS}, {V2}) -> {V2}"),
    ("labels_c2", f"%x: {XS}, %t: {T3}", f"{SPARSE} %x, %t : ({XS}, {T3}) -> {V2}"),
    ("dtype_c1", f"%x: {T3}", f"graph.l2_loss %x : ({T3}) -> tensor<i32>"),
]
