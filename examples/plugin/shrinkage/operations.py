"""Two operations: `graph.soft_threshold`, which kernels compute, and `shrink.keep_largest`, which the host does."""

from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, f64, i64
from xdsl.irdl import base, prop_def

import pullback as pb
from pullback.extend import AlongAxis, GraphError, Unary, graph_op, is_float, scalar_functions, shape_of_type


@graph_op
class SoftThreshold(Unary):
    """sign(x) * max(|x| - threshold, 0): the proximal operator of the 1-norm."""

    name = "graph.soft_threshold"
    EXAMPLES: ClassVar = ("%r = graph.soft_threshold %x {threshold = 0.5 : f64} : MATRIX",)
    DTYPES: ClassVar = is_float
    threshold = prop_def(base(FloatAttr))

    def numpy(self, x):
        t = x.dtype.type(self.threshold.value.data)
        return x - np.clip(x, -t, t)

    def body(self, x):
        t = x.like(self.threshold.value.data)
        return x - scalar_functions.minimum(scalar_functions.maximum(x, -t), t)

    def gradient(self, dy):
        return (pb.where(pb.abs(self.x) > self.threshold.value.data, dy, 0.0),)


@graph_op
class KeepLargest(AlongAxis):
    """The k elements of largest magnitude along an axis, and those that equal the k-th; 0 for the others."""

    name = "shrink.keep_largest"
    k = prop_def(base(IntegerAttr))

    @classmethod
    def infer(cls, operands, properties):
        results = super().infer(operands, properties)
        k, extent = properties["k"].value.data, shape_of_type(results[0])[properties["axis"].value.data]
        if not 1 <= k <= extent:
            raise GraphError(f"{cls.name}: k_c1: k must be 1 to {extent}, got {k}")
        return results

    def numpy(self, x):
        least = np.take(np.sort(np.abs(x), self.at), [-self.k.value.data], self.at)
        return np.where(np.abs(x) >= least, x, x.dtype.type(0))

    def gradient(self, dy):
        return (pb.where(pb.equal(self.y, 0.0), 0.0, dy),)


def soft_threshold(x: pb.Tensor, threshold: float) -> pb.Tensor:
    return SoftThreshold.of(x, threshold=FloatAttr(threshold, f64))


def keep_largest(x: pb.Tensor, k: int, axis: int = -1) -> pb.Tensor:
    return KeepLargest.of(x, k=IntegerAttr(k, i64), axis=IntegerAttr(axis % x.ndim, i64))
