"""Reshapes of pieces, and transposes around products: the same numbers, and fewer copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.split_concat import Concat, Split

SIMPLIFY = "canonicalize,cse,dce"


def simplified(inputs: list[Any], outputs: list[Any], arrays: list[Any]) -> list[Any]:
    """The operations after `canonicalize`, which must not change results."""
    step = pb.compile(inputs, outputs, target="numpy", pipeline=SIMPLIFY)
    plain = pb.compile(inputs, outputs, target="numpy", pipeline="dce")
    for a, b in zip(step(*arrays), plain(*arrays), strict=True):
        np.testing.assert_array_equal(a, b)
    return [*pb.pipeline(SIMPLIFY)(plain.module("graph")).op.walk()]


def shape(value: Any) -> tuple[int, ...]:
    return tuple(value.type.get_shape())


@pytest.mark.parametrize(
    ("sizes", "axis", "divided", "moves"),
    [
        ((6, 6), 1, (5, 2, 3, 4), True),
        ((6, 9), 1, (5, 2, 3, 4), True),
        ((6, 6), 1, (5, 1, 2, 3, 4), True),
        ((6, 7), 1, (5, 2, 3, 4), False),  # the other piece is not made of threes
        ((6, 6), 1, (5, 24), False),
        ((6, 6), 1, (5, 3, 8), False),
        ((6, 6), 0, (2, 3, 5, 4), True),
        ((0, 6), 1, (5, 0, 3, 4), False),
    ],
)
def test_reshape_of_a_piece(sizes: tuple[int, int], axis: int, divided: tuple[int, ...], moves: bool) -> None:
    whole = [5, 4]
    whole.insert(axis, sum(sizes))
    x = np.arange(np.prod(whole), dtype=np.float32).reshape(whole)
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        first, second = pb.split(given, sizes, axis=axis)
        ops = simplified([given], [pb.reshape(first, divided), second], [x])
    splits = [op for op in ops if isinstance(op, Split)]
    assert any(len(shape(op.operands[0])) > 3 for op in splits) == moves


@pytest.mark.parametrize(
    ("first", "second", "axis", "moves"),
    [
        ((5, 2, 3), (5, 4, 3), 1, True),
        ((2, 3, 5), (1, 3, 5), 0, True),
        ((5, 2, 3), (5, 2, 2), 1, False),
        ((5, 3, 2), (5, 2, 3), 1, False),
    ],
)
def test_concat_of_reshapes(first: tuple[int, ...], second: tuple[int, ...], axis: int, moves: bool) -> None:
    arrays = [np.arange(np.prod(s), dtype=np.float32).reshape(s) for s in (first, second)]
    with pb.Graph():
        given = [pb.placeholder("f32", a.shape) for a in arrays]
        flat = [pb.reshape(x, (5, -1) if axis else (-1, 5)) for x in given]
        ops = simplified(given, [pb.concat(flat, axis=axis)], arrays)
    (joined,) = [op for op in ops if isinstance(op, Concat)]
    assert (len(shape(joined.results[0])) == 3) == moves
    assert sum(isinstance(op, Reshape) for op in ops) == (1 if moves else 2)


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (2, 0, 3, 1), (0, 1, 3, 2), (0, 2, 1, 3)])
def test_a_transposed_operand_keeps_its_rows(order: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    k = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    turned = k.transpose(order)
    q = rng.standard_normal((*turned.shape[:2], 6, turned.shape[2])).astype(np.float32)
    with pb.Graph():
        queries, keys = pb.placeholder("f32", q.shape), pb.placeholder("f32", k.shape)
        ops = simplified([queries, keys], [queries @ pb.transpose(keys, order)], [q, k])
    assert all(op.order[-1] == 3 for op in ops if isinstance(op, Transpose))


@pytest.mark.parametrize("used_twice", [False, True])
def test_a_transposed_product_keeps_its_rows(used_twice: bool) -> None:
    """The bits of both products are the same: each element is a sum in the same order."""
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 9, (2, 3, 4, 5)).astype(np.float32)
    b = rng.integers(-9, 9, (2, 3, 5, 6)).astype(np.float32)
    with pb.Graph():
        x, y = pb.placeholder("f32", a.shape), pb.placeholder("f32", b.shape)
        z = x @ y
        outputs = [pb.transpose(z, (0, 3, 1, 2)), *([z] if used_twice else [])]
        ops = simplified([x, y], outputs, [a, b])
    (turned,) = [op for op in ops if isinstance(op, Transpose)]
    assert turned.order == ([0, 3, 1, 2] if used_twice else [0, 2, 1, 3])
    assert sum(isinstance(op, MatMul) for op in ops) == 1


def test_attention_copies_each_head_once() -> None:
    """Queries, keys and values are copied from where one product put them, and their gradients to one place."""
    with pb.Graph():
        x, w = pb.placeholder("f32", (2, 8, 16)), pb.placeholder("f32", (16, 48))
        heads = [
            pb.transpose(pb.reshape(part, (2, 8, 4, 4)), (0, 2, 1, 3)) for part in pb.split(x @ w, 3, axis=-1)
        ]
        y = pb.softmax(heads[0] @ heads[1].mT) @ heads[2]
        loss = pb.sum(y * y)
        step = pb.compile([x, w], [loss, *pb.gradients(loss, [w])], target="cpu")
    kernels = step.ir("kernels")
    assert kernels.count("kind = pointwise") == 3
    assert kernels.count("kind = concat") == 1
