"""Distributions of random numbers: what a group of words makes, in kernels and in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, f64, i32
from xdsl.ir import Attribute

from pullback.dialects.graph.creation.philox import down, joined
from pullback.dialects.graph.creation.random import Random
from pullback.dialects.graph.op.families import Accepts, is_float, is_integer
from pullback.dialects.graph.op.graph_op import Array, graph_op
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.op.scalar_functions import cos, log, sin, sqrt
from pullback.dialects.graph.tensor.types import element_type_of


@graph_op
class RandomBits(Random):
    """Uniformly distributed integers: every bit is random."""

    name = "graph.random_bits"
    EXAMPLES: ClassVar = ("%r = graph.random_bits %n : (tensor<2xi64>) -> tensor<4xi32>",)
    DTYPES: ClassVar[Accepts] = is_integer

    def numbers(self, dtype: np.dtype[Any], *words: Array) -> Sequence[Array]:
        bits = words[0] << 32 | words[1] if len(words) == 2 else words[0] >> (32 - 8 * dtype.itemsize)
        return [bits.astype(f"u{dtype.itemsize}").view(dtype)]

    def of_words(self, *words: Scalar) -> Sequence[Scalar]:
        if len(words) == 2:
            return [joined(*words)]
        type_ = element_type_of(self.result_types[0])
        return [down(words[0].cast(i32), 32 - bit_width(type_)).cast(type_)]


@graph_op
class RandomUniform(Random):
    """Uniformly distributed numbers in [0, 1), as many as the dtype holds there at equal distances."""

    name = "graph.random_uniform"
    EXAMPLES: ClassVar = (
        "%r = graph.random_uniform %n : (tensor<2xi64>) -> MATRIX",
        "%r = graph.random_uniform %n, %n : (tensor<2xi64>, tensor<2xi64>) -> tensor<?x?xf32>",
        "%r = graph.random_uniform %n, %t {axis = 1 : i64, extent = 100 : i64} "
        ": (tensor<2xi64>, tensor<i64>) -> tensor<2x3xf32>",
    )
    DTYPES: ClassVar[Accepts] = is_float
    DIGITS: ClassVar[dict[Attribute, int]] = {f32: 24, f16: 11, bf16: 8}
    """The binary digits of a dtype, which a number has of one word; f64 has 53, of two."""

    def numbers(self, dtype: np.dtype[Any], *words: Array) -> Sequence[Array]:
        if len(words) == 2:
            return [_double(*words)]
        digits = self.DIGITS[element_type_of(self.result_types[0])]
        return [((words[0] >> (32 - digits)) * 2.0**-digits).astype(dtype)]

    def of_words(self, *words: Scalar) -> Sequence[Scalar]:
        if len(words) == 2:
            return [_fraction(down(words[0].cast(i32), 1), words[1])]
        digits = self.DIGITS[element_type_of(self.result_types[0])]
        return [down(words[0].cast(i32), 32 - digits).cast(f32) * 2.0**-digits]


def _double(upper: Array, lower: Array) -> Array:
    """The f64 in [0, 1) of the first 31 binary digits of one word, all that an i32 has above 0, and 22 of another."""
    return ((upper >> 1) << 22 | lower >> 10) * 2.0**-53


def _fraction(upper: Scalar, word: Scalar, scale: float = 2.0**-31, digits: int = 22) -> Scalar:
    """The f64 of `scale` times an i32, and behind that the first `digits` binary digits of another word: exact."""
    lower = down(word.cast(i32), 32 - digits).cast(f64)
    return upper.cast(f64) * scale + lower * (scale * 2.0**-digits)


@graph_op
class RandomNormal(Random):
    """Normally distributed numbers (mean 0, variance 1) by the Box-Muller transform, in f64 for f64, else in f32."""

    name = "graph.random_normal"
    EXAMPLES: ClassVar = ("%r = graph.random_normal %n : (tensor<2xi64>) -> MATRIX",)
    DTYPES: ClassVar[Accepts] = is_float
    MADE: ClassVar[int] = 2

    def numbers(self, dtype: np.dtype[Any], *words: Array) -> Sequence[Array]:
        if len(words) == 4:
            u = _double(*words[:2]) + 2.0**-54
            t = ((words[2] << 32 | words[3]).view(np.int64) >> 11) * 2.0**-52
        else:
            signed = words[1].astype(np.uint32).view(np.int32)
            one, t = np.float32(1), signed.astype(np.float32) * np.float32(2.0**-31)
            u = (words[0] >> 1).astype(np.float32) * (one * 2.0**-31) + one * 2.0**-32
        radius, angle = np.sqrt(-2 * np.log(u)), t * t.dtype.type(np.pi)
        return [(radius * f(angle)).astype(dtype) for f in (np.cos, np.sin)]

    def of_words(self, *words: Scalar) -> Sequence[Scalar]:
        first = down(words[0].cast(i32), 1)
        if len(words) == 4:
            u = _fraction(first, words[1]) + 2.0**-54
            t = _fraction(words[2].cast(i32), words[3], 2.0**-31, 21)
        else:
            u = first.cast(f32) * 2.0**-31 + 2.0**-32
            t = words[1].cast(i32).cast(f32) * 2.0**-31
        radius, angle = sqrt(log(u) * -2), t * np.pi
        return radius * cos(angle), radius * sin(angle)
