"""Counter-based random numbers: the number at an index depends only on the seed and the index, on every target.

The generator is Philox 4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), whose key is the
seed. The same seed gives the same numbers; `graph.random_key` makes another seed for each step and draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64
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

from pullback.dialects.graph.op.checks import check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Accepts, OfDtypes, check_dtype, is_float, is_integer
from pullback.dialects.graph.op.graph_op import Array, GraphOp, NotDifferentiable, Properties, graph_op
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
FOLDING = 1 << 63
"""The last word of a counter that makes keys: no draw counts that far, so keys are never among the numbers drawn."""


def words(seed: Array, count: int) -> Array:
    """Generates `count` words of 64 random bits."""
    key = seed.astype(np.int64).view(np.uint64)
    return np.random.Philox(key=key, counter=0).random_raw(count)


def unit(bits: Array) -> Array:
    """Converts words to f64 in [0, 1), from their upper 53 bits."""
    return (bits >> np.uint64(11)) * 2.0**-53


def folded(seed: Array, number: int) -> Array:
    """Derives another seed from a seed and a number: two words of Philox's block at that counter."""
    key = seed.astype(np.int64).view(np.uint64)
    counter = np.array([number % 2**64, 0, 0, FOLDING], np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(2).view(np.int64)


def check_seed(op: str, type_: Attribute) -> None:
    """Checks that a seed is two words (i64)."""
    if type_ != SEED:
        raise GraphError(f"{op}: seed_c1: the seed must be {SEED}, got {type_}")


@graph_op
class RandomKey(GraphOp):
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
        assert isinstance(self.number, IntegerAttr)
        for number in (self.number.value.data, *map(int, trips)):
            state = folded(state, number)
        return state


class Random(OfDtypes):
    """A tensor of random numbers from a seed of two i64; an operand gives the shape where the type has a `?`."""

    SHAPE_OPERAND: ClassVar = 1
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

    def numpy(self, *operands: Array) -> Any:
        extents = self.runtime_shape(operands)
        dtype = numpy_dtype(element_type_of(self.result_types[0]))
        return self.numbers(operands[0], int(np.prod(extents)), dtype).reshape(extents)

    def numbers(self, seed: Array, count: int, dtype: np.dtype[Any]) -> Array:
        """Generates `count` numbers of this dtype."""
        raise NotImplementedError


@graph_op
class RandomBits(Random):
    """Uniformly distributed integers: every bit is random."""

    name = "graph.random_bits"
    EXAMPLES: ClassVar = ("%r = graph.random_bits %n : (tensor<2xi64>) -> tensor<4xi32>",)
    DTYPES: ClassVar[Accepts] = is_integer

    def numbers(self, seed: Array, count: int, dtype: np.dtype[Any]) -> Array:
        upper = words(seed, count) >> np.uint64(64 - 8 * dtype.itemsize)
        return upper.astype(f"u{dtype.itemsize}").view(dtype)


@graph_op
class RandomUniform(Random):
    """Uniformly distributed numbers in [0, 1)."""

    name = "graph.random_uniform"
    EXAMPLES: ClassVar = (
        "%r = graph.random_uniform %n : (tensor<2xi64>) -> MATRIX",
        "%r = graph.random_uniform %n, %n : (tensor<2xi64>, tensor<2xi64>) -> tensor<?x?xf32>",
    )
    DTYPES: ClassVar[Accepts] = is_float

    def numbers(self, seed: Array, count: int, dtype: np.dtype[Any]) -> Array:
        precision = np.finfo(dtype).nmant + 1 if dtype.kind == "f" else 8
        upper = words(seed, count) >> np.uint64(64 - precision)
        return (upper * 2.0**-precision).astype(dtype)


@graph_op
class RandomNormal(Random):
    """Normally distributed numbers (mean 0, variance 1), by the Box-Muller transform in f64."""

    name = "graph.random_normal"
    EXAMPLES: ClassVar = ("%r = graph.random_normal %n : (tensor<2xi64>) -> MATRIX",)
    DTYPES: ClassVar[Accepts] = is_float

    def numbers(self, seed: Array, count: int, dtype: np.dtype[Any]) -> Array:
        pairs = unit(words(seed, 2 * ((count + 1) // 2))).reshape(-1, 2)
        radius = np.sqrt(-2 * np.log1p(-pairs[:, 0]))
        angle = 2 * np.pi * pairs[:, 1]
        both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return both.reshape(-1)[:count].astype(dtype)
