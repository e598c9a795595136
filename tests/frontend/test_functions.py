"""Array functions against NumPy, and their messages for invalid arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

A = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]], np.float32)
B = np.array([1.0, -2.0, 0.5], np.float32)

CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exp": (pb.exp, np.exp),
    "tanh": (pb.tanh, np.tanh),
    "log": (lambda x: pb.log(x * x), lambda x: np.log(x * x)),
    "negative": (lambda x: -x, np.negative),
    "arithmetic": (lambda x: (1 - x) / 2.0 + x * B - B, lambda x: (1 - x) / np.float32(2) + x * B - B),
    "array on the left": (lambda x: B + x, lambda x: B + x),
    "named arithmetic": (
        lambda x: pb.divide(pb.subtract(pb.add(x, 1.0), pb.multiply(x, x)), 3.0),
        lambda x: (x + 1 - x * x) / np.float32(3),
    ),
    "maximum": (lambda x: pb.maximum(x, 0.0), lambda x: np.maximum(x, 0)),
    "greater": (lambda x: x > B, lambda x: x > B),
    "less": (lambda x: pb.less(x, 0.0), lambda x: x < 0),
    "clip": (lambda x: pb.clip(x, -0.5, B), lambda x: np.maximum(np.minimum(x, B), np.float32(-0.5))),
    "clip below": (lambda x: pb.clip(x, min=0.0), lambda x: np.maximum(x, 0)),
    "clip above": (lambda x: pb.clip(x, max=B), lambda x: np.minimum(x, B)),
    "clip to nothing": (pb.clip, lambda x: x),
    "leaky_relu": (pb.leaky_relu, lambda x: np.where(x > 0, x, x * np.float32(0.2))),
    "where": (lambda x: pb.where(x > 0.0, x, -1.0), lambda x: np.where(x > 0, x, np.float32(-1))),
    "cast": (lambda x: pb.cast(x, "i32"), lambda x: x.astype(np.int32)),
    "astype": (lambda x: pb.astype(x, np.float64), lambda x: x.astype(np.float64)),
    "sum": (lambda x: pb.sum(x, axis=-1), lambda x: x.sum(axis=-1)),
    "sum of all": (pb.sum, lambda x: x.sum()),
    "max keepdims": (lambda x: pb.max(x, axis=(0,), keepdims=True), lambda x: x.max(axis=0, keepdims=True)),
    "mean": (lambda x: pb.mean(x, axis=1), lambda x: x.mean(axis=1)),
    "reshape": (lambda x: pb.reshape(x, (3, -1)), lambda x: x.reshape(3, -1)),
    "expand_dims": (lambda x: pb.expand_dims(x, (0, -1)), lambda x: x[None, ..., None]),
    "transpose": (pb.transpose, np.transpose),
    "permute_dims": (lambda x: pb.permute_dims(x, (1, 0)), np.transpose),
    "T": (lambda x: x.T, np.transpose),
    "broadcast_to": (lambda x: pb.broadcast_to(x, (4, 2, 3)), lambda x: np.broadcast_to(x, (4, 2, 3))),
    "matmul": (lambda x: x @ pb.transpose(x), lambda x: x @ x.T),
    "matmul transposed": (lambda x: pb.matmul(x, x, transpose_a=True), lambda x: x.T @ x),
    "gather": (lambda x: pb.gather(x, [1, 0, 1]), lambda x: x[[1, 0, 1]]),
    "take": (lambda x: pb.take(x, [2, 0], axis=1), lambda x: x[:, [2, 0]]),
    "split": (lambda x: pb.split(x, [1, 2], axis=-1)[1], lambda x: x[:, 1:]),
    "concat": (lambda x: pb.concat([x, x], axis=1), lambda x: np.concatenate([x, x], 1)),
    "stack": (lambda x: pb.stack([x, x], axis=1), lambda x: np.stack([x, x], 1)),
    "zeros_like": (pb.zeros_like, np.zeros_like),
    "ones_like": (lambda x: pb.ones_like(x, "i64"), lambda x: np.ones_like(x, np.int64)),
    "shape": (pb.shape, lambda x: np.array(x.shape)),
    "size": (pb.size, lambda x: np.array(x.size)),
    "identity": (pb.identity, lambda x: x),
}


@pytest.mark.parametrize("shape", [(2, 3), (None, 3), (None, None)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_against_numpy(graph: pb.Graph, case: str, shape: tuple[int | None, ...]) -> None:
    function, reference = CASES[case]
    if case == "split" and shape[-1] is None:
        shape = (None, 3)
    x = pb.placeholder("f32", shape, name="x")
    found, expected = pb.run(function(x), {x: A}), np.asarray(reference(A))
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_shapes_from_tensors(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None, 6), name="x")
    rows = pb.gather(pb.shape(x), 0)
    y = pb.reshape(x, (rows, 2, 3))
    assert y.shape == (None, 2, 3)
    like = pb.broadcast_to(pb.ones((6,)), pb.shape(x))
    filled = pb.fill((rows, 2), 7.0)
    fixed = pb.zeros(pb.constant(np.array([2, 2])))
    assert fixed.shape == (2, 2)
    values = pb.run([y, like, filled], {x: np.zeros((4, 6), np.float32)})
    assert [v.shape for v in values] == [(4, 2, 3), (4, 6), (4, 2)]


def test_numbers_take_the_dtype_of_the_tensor(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (), name="x")
    assert [(x * 2).dtype, (1 - x).dtype, pb.maximum(0, x).dtype] == ["f64"] * 3
    assert [pb.constant(v).dtype for v in (1.5, 2, True)] == ["f32", "i32", "i1"]
    assert [pb.add(1.5, 2).dtype, pb.full((2,), 3).dtype] == ["f32", "i32"]


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, -(2**63)])
def test_integers_that_no_float_holds(graph: pb.Graph, number: int) -> None:
    x = pb.placeholder("i64", (), name="x")
    assert pb.run([x + number], {x: np.int64(0)})[0] == number


ERRORS: dict[str, tuple[Callable[[pb.Tensor], Any], str]] = {
    "dtype": (lambda x: x + pb.zeros((2, 3), "f64"), "operands must have one dtype"),
    "array dtype": (lambda x: x + np.zeros(3), "operands must have one dtype"),
    "kind": (lambda x: pb.tanh(pb.cast(x, "i32")), "needs a floating-point dtype"),
    "fraction": (lambda x: pb.cast(x, "i32") + 1.5, "1.5 is no value of dtype i32"),
    "infinity": (lambda x: pb.cast(x, "i32") + np.inf, "inf is no value of dtype i32"),
    "too large": (
        lambda x: pb.cast(x, "i32") + 2**31,
        "2147483648 is no value of dtype i32: expected -2147483648",
    ),
    "too large for i64": (lambda x: pb.cast(x, "i64") + 2**63, "expected .* to 9223372036854775807"),
    "object": (lambda x: pb.exp(object()), "expected a tensor, a variable, an array or a number, got object"),  # pyright: ignore[reportArgumentType]
    "None": (lambda x: pb.add(x, None), "got NoneType"),  # pyright: ignore[reportArgumentType]
    "broadcast": (lambda x: x + pb.zeros((4,)), "do not broadcast"),
    "axis": (lambda x: pb.sum(x, axis=2), "sum: axis 2 does not exist: expected -2 to 1"),
    "expand": (lambda x: pb.expand_dims(x, 3), "axis 3 does not exist: expected -3 to 2"),
    "concat axis": (lambda x: pb.concat([x], axis=5), "concat: axis 5 does not exist"),
    "reshape": (lambda x: pb.reshape(x, (4, -1)), r"6 elements do not fill \[4, -1\]"),
    "reshape twice": (lambda x: pb.reshape(x, (-1, -1)), "at most one extent may be -1"),
    "reshape count": (lambda x: pb.reshape(x, (5,)), "has 6 elements"),
    "split": (lambda x: pb.split(x, 2, axis=1), "cannot be cut into 2 equal pieces"),
    "matmul": (lambda x: x @ x, "inner extents 3 and 2 differ"),
    "index": (lambda x: pb.gather(x, [0.5]), "indices must be integers"),
    "empty": (lambda x: pb.concat([]), "needs at least one tensor"),
    "dtype name": (lambda x: pb.cast(x, "float"), "expected one of f32, f64, i32, i64, i1|float"),
    "placeholder": (lambda x: pb.placeholder("f32", (-1,)), "expected up to 8 extents"),
    "rank": (lambda x: pb.placeholder("f32", (1,) * 9), "expected up to 8 extents"),
    "fill": (lambda x: pb.fill((-2,), 0.0), "expected extents from 0 on"),
}


@pytest.mark.parametrize("case", [c for c in ERRORS if c != "dtype name"])
def test_errors_are_value_errors_that_say_what_is_wrong(graph: pb.Graph, case: str) -> None:
    function, message = ERRORS[case]
    x = pb.placeholder("f32", (2, 3), name="x")
    with pytest.raises(ValueError, match=message):
        function(x)


def test_an_unknown_dtype(graph: pb.Graph) -> None:
    with pytest.raises(ValueError, match=r"dtype 'f8' is not supported|expected one of f32"):
        pb.placeholder("uint64", ())
