"""Wrong arguments of public functions: a message that names the argument, never an internal error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

WRONG: Any = pb
"""The module again, without types: what is passed here is wrong on purpose."""

REFUSED: dict[str, tuple[str, Callable[[pb.Tensor], object]]] = {
    "a shape that is no list": (
        "'p': expected up to 8 extents.* got 3",
        lambda x: WRONG.placeholder("f32", 3, "p"),
    ),
    "half an extent": (r"got \(3.5,\)", lambda x: WRONG.placeholder("f32", (3.5,))),
    "a shape in letters": ("got 'ab'", lambda x: WRONG.placeholder("f32", "ab")),
    "one input, no list": ("inputs: expected a list of tensors, got Tensor", lambda x: WRONG.compile(x, x)),
    "feeds in a list": ("feeds: expected a dict", lambda x: WRONG.run(x, [x])),
    "a scope that is a number": ("3 is no name", lambda x: WRONG.name_scope(3).__enter__()),
    "one loop variable, no list": (
        "loop_vars: expected a tensor or a nest",
        lambda x: WRONG.while_loop(lambda i: i < 3, lambda i: i + 1, None),
    ),
    "an axis in letters": (
        "sum: axis: expected a whole number or a list of these, got 'a'",
        lambda x: WRONG.sum(x, axis="a"),
    ),
    "half an axis": ("max: axis: expected a whole number", lambda x: WRONG.max(x, axis=0.5)),
    "an axis twice": ("the same axis is given twice", lambda x: pb.sum(x, axis=(0, -1))),
    "a gather along letters": (
        "gather: axis: expected a whole number",
        lambda x: WRONG.gather(x, x, axis="a"),
    ),
    "axes to transpose in letters": ("transpose: axis: expected", lambda x: WRONG.transpose(x, "a")),
    "sizes in letters": ("split: sizes: expected a whole number", lambda x: WRONG.split(x, "a")),
    "one tensor to concatenate": (
        "concat: values: expected a list of tensors, got Tensor",
        lambda x: WRONG.concat(x),
    ),
    "a slope in letters": (
        "leaky_relu: alpha: expected a number, got str",
        lambda x: WRONG.leaky_relu(x, "a"),
    ),
    "an approximation in letters": (
        "gelu: approximate: expected True or False, got 'tanh'",
        lambda x: WRONG.gelu(x, "tanh"),
    ),
    "a bound in letters": ("graph.clip", lambda x: WRONG.clip(x, "a", 1.0)),
    "a value in letters": ("full: fill_value: expected a number, got 'a'", lambda x: WRONG.full((2,), "a")),
    "a tensor as a value": ("full_like: fill_value: expected a number", lambda x: WRONG.full_like(x, x)),
    "zeros of a shape in letters": (
        r"zeros: shape: expected whole numbers such as \(2, 3\), got \('a',\)",
        lambda x: WRONG.zeros(("a",)),
    ),
    "zeros of no shape": ("zeros: shape: expected whole numbers", lambda x: WRONG.zeros(None)),
    "a negative extent": ("reshape: expected extents from 0 on", lambda x: pb.reshape(x, (-2, 2))),
    "an extent to broadcast to left open": (
        "broadcast_to: expected extents from 0 on",
        lambda x: pb.broadcast_to(x, (-1, 3)),
    ),
    "ragged lists": (
        r"constant: value: expected lists of one length at each depth, got \[\[1\], \[2, 3\]\]",
        lambda x: pb.constant([[1], [2, 3]]),
    ),
    "ragged lists for a variable": (
        "initial: expected lists of one length",
        lambda x: pb.Variable([[1], [2, 3]]),
    ),
    "ragged lists in a function": (
        "graph.exp: expected lists of one length",
        lambda x: pb.exp([[1], [2, 3]]),
    ),
    "ragged lists beside a tensor": (
        "graph.add: expected numbers of dtype float32, in lists of one length",
        lambda x: pb.add(x, [[1], [2, 3]]),
    ),
    "a constant of nothing": (
        "constant: value: expected numbers or an array, got NoneType",
        lambda x: WRONG.constant(None),
    ),
    "a list with nothing in it": (
        r"constant: value\[1\]: expected numbers or an array, got NoneType",
        lambda x: WRONG.constant([1.0, None]),
    ),
    "a constant of a tensor": ("expected numbers or an array, got a tensor", lambda x: WRONG.constant([x])),
    "an array of unsigned integers": (
        "graph.exp: dtype uint32 is not supported: expected one of f32",
        lambda x: pb.exp(np.zeros(3, np.uint32)),
    ),
    "an integer above its dtype": (
        "constant: value: a number is out of range for int32",
        lambda x: pb.constant([2**40]),
    ),
    "a float above its dtype": ("constant: value: a number is too large", lambda x: pb.constant([1e99])),
    "a float above the dtype beside it": (
        r"1e\+99 is no value of dtype f32: it is too large",
        lambda x: x * 1e99,
    ),
    "no condition": (
        "cond: expected a function of the loop variables, got NoneType",
        lambda x: WRONG.while_loop(None, lambda i: i, [0]),
    ),
    "no body": (
        "body: expected a function of the loop variables, got int",
        lambda x: WRONG.while_loop(lambda i: i < 3, 1, [0]),
    ),
    "a fetch that nothing feeds": (
        r"^fetches is placeholder 'placeholder': name it among the inputs, or feed it",
        lambda x: pb.run(x),
    ),
    "one tensor for a tuple": ("tensors: expected a list", lambda x: WRONG.tuple(x)),
    "slices without indices": (
        "indices must be integers of rank 1, got tensor<i32>",
        lambda x: WRONG.IndexedSlices(x, 3, (3,)),
    ),
    "slices without a shape": (
        "dense_shape: expected extents such as",
        lambda x: WRONG.IndexedSlices(x, x, 3),
    ),
    "ragged lists for a placeholder": (
        "input 'placeholder': expected numbers of dtype float32, in lists of one length",
        lambda x: pb.run(x, {x: [[1], [2, 3]]}),
    ),
    "no dtype": ("dtype None is not supported: expected one of f32", lambda x: WRONG.cast(x, None)),
    "a tensor as an array": ("compute them with run", lambda x: np.asarray(x)),
}


@pytest.mark.parametrize(("message", "act"), REFUSED.values(), ids=REFUSED)
def test_refused(message: str, act: Callable[[pb.Tensor], object]) -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (3,))
        before = str(g)
        with pytest.raises((ValueError, TypeError), match=message):
            act(x)
        assert str(g) == before


def test_what_does_not_suit_a_tensor(graph: pb.Graph) -> None:
    scalar, integers = pb.constant(1.0), pb.constant([1, 2])
    with pytest.raises(ValueError, match="sum: axis 0 does not exist: a scalar has no axes"):
        pb.sum(scalar, axis=0)
    with pytest.raises(TypeError, match="mean: needs a floating-point dtype, got i32: cast it first"):
        pb.mean(integers)
    with pytest.raises(ValueError, match=r"graph\.clip: dtype_c2: operands must have one dtype"):
        pb.clip(scalar, integers, 1.0)
