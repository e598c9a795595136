"""Counter-based random numbers: the number at an index depends only on the seed and the index, on every target.

The generator is Philox 4x32-10. Its key is the first word of the seed; the second one is the upper half of each
counter, the number of a block the lower. So all seeds have other keys or other counters. `graph.random_key` makes
another seed for each step and draw.

Neighbouring elements come from neighbouring blocks, so that vectors take no shuffles: 16 blocks give 16 first
numbers, then 16 second ones, and so on. A number takes as many words as its dtype needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, bf16, f16, f32, f64, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import (
    AnyAttr,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from pullback.dialects.graph.creation.philox import WORDS, block_of_scalars, blocks_of_arrays, down, joined
from pullback.dialects.graph.op.checks import check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Accepts, OfDtypes, check_dtype, is_float, is_integer
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable, Properties, graph_op
from pullback.dialects.graph.op.indexed import Counted
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.op.scalar_functions import cos, log, select, sin, sqrt
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    is_static,
    numpy_dtype,
    tensor_type,
)

SEED = tensor_type(i64, (2,))
"""The type of a seed: two words."""
ROW = 16
"""The blocks whose first numbers lie side by side."""
CHUNK = 1 << 12
"""The blocks that NumPy computes at once, which stay in the cache."""
FOLDING = -(2**63)
"""What sets the last bit of a counter that makes keys: no draw counts that far, so keys are never among its words."""


def check_seed(op: str, type_: Attribute) -> None:
    """Checks that a seed is two words (i64)."""
    if type_ != SEED:
        raise GraphError(f"{op}: seed_c1: the seed must be {SEED}, got {type_}")


@graph_op
class RandomKey(Counted):
    """The seed of one draw, derived from a state, the draw's `number`, and the trip count of each loop around it.

    The state is a seed and a count of steps. Equal operands and numbers make equal seeds, so a copy of a draw draws
    the same numbers; others make independent seeds. Trip counts are ordered from the outermost loop inwards.
    """

    name = "graph.random_key"
    EXAMPLES: ClassVar = (
        "%r = graph.random_key %n {number = 0 : i64} : tensor<2xi64>",
        "%r = graph.random_key %n, %t {number = 3 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>",
    )
    state = operand_def(AnyAttr())
    trips = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    number = prop_def(IntegerAttr)
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        state, *trips = operands
        check_seed(cls.name, state)
        for trip in trips:
            if trip != tensor_type(i64, ()):
                raise GraphError(f"{cls.name}: trips_c1: the trip of a loop must be tensor<i64>, got {trip}")
        return [SEED]

    def numpy(self, *operands: Array) -> Any:
        state, *trips = operands
        for number in (self._number, *map(int, trips)):
            w0, w1, w2, w3 = blocks_of_arrays(state, (number + FOLDING) % 2**64, 1)[:, 0]
            state = np.array([w0 << 32 | w1, w2 << 32 | w3]).view(np.int64)
        return state

    @property
    def _number(self) -> int:
        assert isinstance(self.number, IntegerAttr)
        return self.number.value.data

    def body(self, *operands: Scalar) -> Scalar:
        *state, element = operands
        first, second, *trips = state
        for number in (first.like(self._number), *trips):
            w0, w1, w2, w3 = block_of_scalars(first, number + FOLDING, second)
            first, second = joined(w0, w1), joined(w2, w3)
        return select(element.equal(0), first, second)


class Random(OfDtypes, Counted):
    """A tensor of random numbers from a seed of two i64; an operand gives the shape where the type has a `?`.

    Words of a block are taken in groups, of which each makes one number or two.
    """

    SHAPE_OPERAND: ClassVar = 1
    MADE: ClassVar[int] = 1
    """The numbers that a group of words makes."""
    seed = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def draw(
        cls, seed: Tensor, element_type: Attribute, shape: Sequence[int], runtime: Tensor | None
    ) -> Tensor:
        """Emits random numbers of this dtype and shape; `runtime` is the shape operand where it has a `?`."""
        type_ = tensor_type(element_type, shape)
        operands = [seed.value] if runtime is None or is_static(type_) else [seed.value, runtime.value]
        made = cls.emit_as(operands, type_)
        made.op.verify_()
        return made

    def verify_(self) -> None:
        result = self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_dtype(type(self), element_type_of(result))
        check_shape_operand(self, self._operands[1:], result)
        check_seed(self.name, self.operand_types[0])

    @property
    def taken(self) -> int:
        """The words that a number takes: two, if it has 64 bits."""
        return bit_width(element_type_of(self.result_types[0])) // 64 + 1

    @property
    def numbers_of_block(self) -> int:
        """The numbers that the words of a block make."""
        return WORDS // self.taken

    # ---- in kernels ---------------------------------------------------------------------------------------------

    def body(self, *operands: Scalar) -> Scalar:
        """Computes the block of an element, and of it the group of words that makes the element."""
        key, upper, element = operands
        number = down(element, ROW.bit_length() - 1) & (self.numbers_of_block - 1)
        block = down(element, (ROW * self.numbers_of_block).bit_length() - 1) * ROW + (element & (ROW - 1))
        words = block_of_scalars(key, block.cast(i64), upper)
        first, *others = _groups(words, self.taken * self.MADE)
        for group, other in enumerate(others, 1):
            is_other = down(number, self.MADE - 1).equal(group)
            first = [select(is_other, b, a) for a, b in zip(first, other, strict=True)]
        made = self.of_words(*first)
        return select((number & 1).equal(0), *made) if self.MADE == 2 else made[0]

    def of_block(self, key: Scalar, upper: Scalar, block: Scalar) -> list[Scalar]:
        """All numbers of a block, in order."""
        groups = _groups(block_of_scalars(key, block, upper), self.taken * self.MADE)
        return [number for group in groups for number in self.of_words(*group)]

    def of_words(self, *words: Scalar) -> Sequence[Scalar]:
        """The numbers that a group of words makes, in the type that kernels compute with."""
        raise NotImplementedError

    # ---- in NumPy -----------------------------------------------------------------------------------------------

    def numpy(self, *operands: Array) -> Any:
        extents = self.runtime_shape(operands)
        dtype = numpy_dtype(element_type_of(self.result_types[0]))
        count = int(np.prod(extents))
        made = np.empty((-(-count // (ROW * self.numbers_of_block)), self.numbers_of_block, ROW), dtype)
        for first in range(0, len(made), CHUNK // ROW):
            part = made[first : first + CHUNK // ROW]
            words = blocks_of_arrays(operands[0], first * ROW, len(part) * ROW)
            for group in range(self.numbers_of_block // self.MADE):
                taken = words[group * self.taken * self.MADE :][: self.taken * self.MADE]
                for number, values in enumerate(self.numbers(dtype, *taken)):
                    part[:, group * self.MADE + number] = values.reshape(-1, ROW)
        return made.reshape(-1)[:count].reshape(extents)

    def numbers(self, dtype: np.dtype[Any], *words: Array) -> Sequence[Array]:
        """The numbers of this dtype that a group of words makes."""
        raise NotImplementedError


def _groups(words: Sequence[Scalar], size: int) -> list[Sequence[Scalar]]:
    return [words[first : first + size] for first in range(0, WORDS, size)]


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
