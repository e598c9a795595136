"""Random numbers, the same for the same seed on every target; without a seed, new ones in each step and each draw."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.creation.distributions import RandomBits, RandomNormal, RandomUniform
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.tensor import Number, Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    element_type_from,
    is_float,
    is_integer,
)
from pullback.frontend.graph.emit import named_as
from pullback.frontend.graph.graph import current_graph
from pullback.frontend.handles.random_state import next_key
from pullback.frontend.operands.axes import is_real_number, is_whole_number
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.shape_like import ShapeLike, static_extents

__all__ = ["dropout", "random_bits", "random_normal", "random_uniform"]

Seed: TypeAlias = int | Operators | tuple[int | Operators, int | Operators] | None
"""One or two integers: numbers, or tensors and variables such as the count of steps. `None` for numbers of its own."""


def random_uniform(
    shape: ShapeLike,
    minval: Operand = 0.0,
    maxval: Operand = 1.0,
    dtype: object = "f32",
    seed: Seed = None,
    name: str | None = None,
) -> Tensor:
    """Numbers from `minval` up to, but not including, `maxval`, all equally likely.

    Args:
        shape: may hold, or be, tensors of integers.
        minval, maxval: numbers or tensors that broadcast against the shape; gradients flow to them.
        dtype: a real floating-point dtype.
        seed: one or two integers, each a number or a scalar tensor or variable: the numbers depend on it alone.
            Without one the operation draws numbers of its own, new ones in each step and each trip of a loop; see
            `set_random_seed`.
        name: of the operation.
    """
    drawn = _drawn(RandomUniform, shape, dtype, seed, "random_uniform", name)
    if isinstance(minval, Number) and isinstance(maxval, Number) and (minval, maxval) == (0, 1):
        return drawn
    low = as_tensor(minval, "random_uniform: minval", drawn.dtype)
    high = as_tensor(maxval, "random_uniform: maxval", drawn.dtype)
    return low + drawn * (high - low)


def random_normal(
    shape: ShapeLike,
    mean: Operand = 0.0,
    stddev: Operand = 1.0,
    dtype: object = "f32",
    seed: Seed = None,
    name: str | None = None,
) -> Tensor:
    """Numbers of the normal distribution; gradients flow to `mean` and `stddev`. Else as `random_uniform`."""
    drawn = _drawn(RandomNormal, shape, dtype, seed, "random_normal", name)
    if isinstance(mean, Number) and isinstance(stddev, Number) and (mean, stddev) == (0, 1):
        return drawn
    spread = as_tensor(stddev, "random_normal: stddev", drawn.dtype)
    return as_tensor(mean, "random_normal: mean", drawn.dtype) + drawn * spread


def random_bits(
    shape: ShapeLike, dtype: object = "i32", seed: Seed = None, name: str | None = None
) -> Tensor:
    """Integers of which every bit is random. `seed` as for `random_uniform`."""
    return _drawn(RandomBits, shape, dtype, seed, "random_bits", name)


def dropout(x: Operand, rate: float, seed: Seed = None, name: str | None = None) -> Tensor:
    """`x` with each element zero with probability `rate`, and the others times `1 / (1 - rate)`.

    Args:
        x: of a real floating-point dtype.
        rate: from 0 up to, but not including, 1.
        seed: as for `random_uniform`: with a number for it each step drops the same.
        name: of the operation.
    """
    value = as_tensor(x, "dropout")
    if not is_real_number(rate) or not 0 <= rate < 1:
        raise GraphError(f"dropout: rate: expected a number from 0 up to, but not including, 1, got {rate!r}")
    if not is_float(value.element_type):
        raise ArgumentTypeError(f"dropout: needs a real floating-point dtype, got {value.dtype}")
    shape = dynamic_shape(value)
    runtime = Tensor(shape[0]) if shape else None
    drawn = RandomUniform.draw(_seed(seed, "dropout"), value.element_type, value.extents, runtime)
    dropped = float(rate) > drawn
    return named_as(name, lambda: Where.of(dropped, 0, value * (1 / (1 - float(rate)))))


def _drawn(op: type[Any], shape: ShapeLike, dtype: object, seed: Seed, what: str, name: str | None) -> Tensor:
    extents, runtime = static_extents(shape, what)
    element_type = element_type_from(dtype)
    words = _seed(seed, what)
    return named_as(name, lambda: op.draw(words, element_type, extents, runtime))


def _seed(seed: Seed, what: str) -> Tensor:
    """The two words of a seed, i64."""
    if seed is None:
        return next_key(current_graph())
    parts: tuple[Any, ...] = seed if isinstance(seed, tuple) else (seed, 0)
    if len(parts) != 2:
        raise GraphError(f"{what}: seed: expected one integer or two, got {len(parts)}")
    if all(map(is_whole_number, parts)):
        return Constant.from_array(np.array([_word(p, what) for p in parts], np.int64))
    rows = [ExpandDims.at(_word_tensor(p, what), [0]) for p in parts]
    return Concat.of(*rows, axis=IntegerAttr(0, i64))


def _word(number: int, what: str) -> int:
    if not -(2**63) <= number < 2**63:
        raise GraphError(f"{what}: seed: {number} does not fit 64 bits")
    return int(number)


def _word_tensor(part: object, what: str) -> Tensor:
    if is_whole_number(part):
        return Constant.from_array(np.array(_word(part, what), np.int64))
    value = as_tensor(part, f"{what}: seed")
    if value.ndim != 0 or not is_integer(value.element_type):
        raise ArgumentTypeError(f"{what}: seed: expected scalar integers, got {value.type}")
    return Cast.to(value, i64)
