"""`canonicalize` keeps the bits of compositions of operations: movements of elements, choices, signs and parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, f64, i64

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.graph.along_axes.repeating import Flip, Repeat, Roll, Tile
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.arithmetic import Abs, MulNoNan, Square
from pullback.dialects.graph.elementwise.basic import Cast, Divide, Maximum, Minimum, Where
from pullback.dialects.graph.elementwise.complex_numbers import Conj, Imag, MakeComplex, Real
from pullback.dialects.graph.elementwise.exponential import Pow
from pullback.dialects.graph.movement.block_slicing import Slice
from pullback.dialects.graph.movement.padding import Pad
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.slicing import StridedSlice, StridedSliceGradient
from pullback.dialects.graph.movement.split_concat import Concat, Split
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.dialects.verification import verify
from pullback.passes.simplify.canonicalize import canonicalize
from pullback.tests.graphs import build

NUMBERS = st.integers(0, 7)
ODD = np.array([1.5, -2.0, 0.0, -0.0, np.nan, np.inf, -np.inf, 3.0, -0.5, 1.0, 2.0, 1e-310])
Make = Callable[[Sequence[Tensor], int, int], Tensor]
"""Something made of what there is, which two numbers choose."""


def last(pool: Sequence[Tensor]) -> Tensor:
    """The newest value, small enough to go on with."""
    return next(x for x in reversed(pool) if np.prod(x.extents) < 200 and x.ndim < 5)


def sliced(pool: Sequence[Tensor], i: int, j: int) -> Tensor:
    """A slice in any direction."""
    x = last(pool)
    parts = [slice(i % 3, None, 1 + j % 2), slice(None, None, -1), slice(-2 - i, 3 - j), slice(None)]
    return StridedSlice.at(x, [parts[(i + j + axis) % 4] for axis in range(x.ndim)])


def block(pool: Sequence[Tensor], i: int, j: int) -> Tensor:
    """What is left from the first elements on, or all."""
    x = last(pool)
    begin = [min(i % 2, n) for n in x.extents]
    return Slice.of(x, begin=integers(begin), size=integers([-1] * x.ndim))


def between_zeros(pool: Sequence[Tensor], i: int, j: int) -> Tensor:
    """As the gradient of a slice."""
    x = last(pool)
    shape = [n * (1 + j % 2) + i % 3 for n in x.extents]
    parts = [slice(i % 3, i % 3 + n * (1 + j % 2), 1 + j % 2) for n in x.extents]
    return StridedSliceGradient.like(x, Fill.full(0, tensor_type(f64, shape)), parts)


def padded(pool: Sequence[Tensor], i: int, j: int) -> Tensor:
    """Elements of one value around it."""
    x = last(pool)
    return Pad.around(x, [((i + axis) % 2, j % 3) for axis in range(x.ndim)], j % 2)


def joined(pool: Sequence[Tensor], i: int, j: int) -> Tensor:
    """A tensor and itself, or its pieces in an order."""
    x = last(pool)
    if not x.ndim:
        return x
    axis = IntegerAttr(i % x.ndim, i64)
    n = x.extents[i % x.ndim]
    cut = Split.emit([x.value], {"axis": axis, "sizes": integers([n // 2, n - n // 2])})
    pieces = [Tensor(r) for r in cut.results]
    return Concat.of(*(pieces if j % 2 else [*pieces[::-1], x]), axis=axis)


def axes_added(pool: Sequence[Tensor], i: int, j: int) -> Tensor:
    """An axis of extent 1, taken away again or repeated."""
    x = last(pool)
    axis = i % (x.ndim + 1)
    y = ExpandDims.at(x, [axis])
    if j % 3 == 0:
        return Squeeze.at(y, [axis])
    return y if j % 3 == 1 else BroadcastTo.to(y, [2 if a == axis else n for a, n in enumerate(y.extents)])


MOVEMENTS: list[Make] = [
    sliced,
    block,
    between_zeros,
    padded,
    joined,
    axes_added,
    lambda pool, i, j: Transpose.of(last(pool)),
    lambda pool, i, j: Reshape.to(last(pool), (int(np.prod(last(pool).extents)),)),
    lambda pool, i, j: Flip.along(last(pool), [a for a in range(last(pool).ndim) if (i + a) % 2]),
    lambda pool, i, j: Roll.by(last(pool), [i - j] * last(pool).ndim, range(last(pool).ndim)),
    lambda pool, i, j: Tile.make(last(pool), [1 + (i + a) % 2 for a in range(last(pool).ndim)]),
    lambda pool, i, j: Repeat.make(last(pool), [1 + (j + a) % 2 for a in range(last(pool).ndim)]),
    lambda pool, i, j: Fill.full((i % 2) * 1.5, last(pool).type),
]


def at(pool: Sequence[Tensor], i: int) -> Tensor:
    """One of the values."""
    return pool[i % len(pool)]


def number(i: int) -> float:
    """A factor, divisor or exponent."""
    return [0.0, 1.0, -1.0, 2.0, 0.5, 3.0, -4.0, 1e300][i]


CHOICES: list[Make] = [
    lambda pool, i, j: -at(pool, i),
    lambda pool, i, j: Abs.of(at(pool, i)),
    lambda pool, i, j: Square.of(at(pool, i)),
    lambda pool, i, j: at(pool, i) * at(pool, j),
    lambda pool, i, j: at(pool, i) * number(j),
    lambda pool, i, j: Divide.of(at(pool, i), number(j)),
    lambda pool, i, j: Divide.of(at(pool, i), at(pool, j)),
    lambda pool, i, j: MulNoNan.of(at(pool, i), number(j)),
    lambda pool, i, j: Pow.of(at(pool, i), float(j % 2)),
    lambda pool, i, j: Maximum.of(at(pool, i), at(pool, j)),
    lambda pool, i, j: Minimum.of(at(pool, i), at(pool, j)),
    lambda pool, i, j: Where.of(at(pool, 0) > 0, at(pool, i), at(pool, j)),
    lambda pool, i, j: Where.of(at(pool, i) < at(pool, j), at(pool, i), at(pool, i + j)),
    lambda pool, i, j: Where.of(~(at(pool, 0) > 0), at(pool, i), at(pool, j)),
    lambda pool, i, j: Real.of(Conj.of(MakeComplex.of(at(pool, i), at(pool, j)))),
    lambda pool, i, j: Imag.of(Conj.of(MakeComplex.of(at(pool, i), at(pool, j)))),
    lambda pool, i, j: Cast.to(at(pool, i) >= at(pool, j), f64),
    lambda pool, i, j: Fill.full(number(j), at(pool, 0).type),
]


@pytest.mark.parametrize("makers", [MOVEMENTS, CHOICES], ids=["movements", "choices"])
@given(data=st.data())
def test_bits_stay(makers: list[Make], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.tuples(st.sampled_from(makers), NUMBERS, NUMBERS), min_size=1, max_size=8))

    def body(*args: Tensor) -> list[Tensor]:
        pool = list(args)
        for make, i, j in chosen:
            pool.append(make(pool, i, j))
        return pool[len(args) :]

    inputs: list[Any] = [ODD.reshape(3, 4), ODD[::-1].reshape(3, 4)]
    function = build(["3x4xf64", "3x4xf64"], body)
    function.block.add_op(func.ReturnOp(*(y.value for y in function.ys)))
    function.op.update_function_type()
    module = ModuleOp([function.op])
    expected = evaluate(function.op, inputs)
    before = str(module)
    canonicalize(function.op)
    verify(module)
    for got, wanted in zip(evaluate(function.op, inputs), expected, strict=True):
        np.testing.assert_array_equal(got, wanted, err_msg=f"{before}\n{module}")
        np.testing.assert_array_equal(signs(got), signs(wanted), err_msg=f"{before}\n{module}")


def signs(x: Any) -> Any:
    """Of all but NaN, zeros too."""
    return np.signbit(x[~np.isnan(x)])
