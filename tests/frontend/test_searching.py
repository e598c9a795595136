"""Searching functions, beyond the Array API's tests, and the arguments that they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

WRONG: Any = pb
"""For arguments that a type checker would refuse."""

X = np.array([[1, 2, 3], [3, 4, 5]], np.int32)


def test_isin_inverted(graph: pb.Graph) -> None:
    x = pb.placeholder("i32", (2, 3), name="x")
    found = pb.run(pb.isin(x, [3, 1], invert=True), {x: X})
    np.testing.assert_array_equal(found, np.isin(X, [3, 1], invert=True))


def test_searchsorted_with_a_sorter(graph: pb.Graph) -> None:
    line = pb.placeholder("f32", (None,), name="line")
    values = np.array([3, 1, 2], np.float32)
    found = pb.searchsorted(line, [0.5, 2.0, 9.0], side="right", sorter=pb.argsort(line))
    np.testing.assert_array_equal(pb.run(found, {line: values}), [0, 2, 3])


REFUSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "searchsorted: a side": (
        "side: expected 'left' or 'right'",
        lambda x: pb.searchsorted(x[0], x, side="up"),
    ),
    "searchsorted: a matrix": ("line_c1", lambda x: pb.searchsorted(x, x)),
    "diff: n": ("diff: n: expected a whole number from 0 on", lambda x: pb.diff(x, n=-1)),
    "diff: an axis": ("axis 2 does not exist", lambda x: pb.diff(x, axis=2)),
    "cross: a length": ("expected three elements along axis 0", lambda x: pb.cross(x, x, axis=0)),
    "cross: an axis": ("axis 2 does not exist in both", lambda x: pb.cross(x, x, axis=2)),
    "matrix_power: no squares": ("expected square matrices", lambda x: pb.matrix_power(pb.cast(x, "f32"), 2)),
    "matrix_power: n": ("n: expected a whole number", lambda x: WRONG.matrix_power(pb.cast(x, "f32"), 0.5)),
    "matrix_norm: ord": (
        "matrix_norm: ord: expected 'fro'",
        lambda x: pb.matrix_norm(pb.cast(x, "f32"), ord=3),
    ),
    "matrix_norm: a vector": ("expected matrices", lambda x: pb.matrix_norm(pb.cast(x[0], "f32"))),
    "vector_norm: ord": ("vector_norm: ord", lambda x: WRONG.vector_norm(pb.cast(x, "f32"), ord="two")),
    "positive: truth values": ("positive: needs a numeric dtype", lambda x: pb.positive(x > 0)),
    "asarray: a word": ("asarray: expected a tensor", lambda x: pb.asarray("word")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(graph: pb.Graph, case: str) -> None:
    message, call = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call(pb.placeholder("i32", (2, 3), name="x"))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: pb.diff(x, n=2, axis=0),
        lambda x: pb.diff(x, prepend=x, append=2 * x),
        lambda x: pb.cross(x, x * x),
        lambda x: pb.matrix_power(x, 5),
        lambda x: pb.matrix_power(x, -2),
        lambda x: pb.vector_norm(x, ord=3),
        lambda x: pb.matrix_norm(x, ord=1),
        lambda x: pb.matrix_norm(x),
        lambda x: pb.matrix_norm(x, ord=2),
        lambda x: pb.matrix_norm(x, ord=-2),
        lambda x: pb.matrix_norm(x, ord="nuc"),
    ],
)
def test_gradients(graph: pb.Graph, function: Callable[[pb.Tensor], pb.Tensor]) -> None:
    x = pb.placeholder("f64", (3, 3), name="x")
    pb.check_gradients(function(x), [x])


def test_extents_known_at_run_time(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None, 3), name="x")
    values = np.arange(12, dtype=np.float32).reshape(4, 3) ** 2
    found = pb.run([pb.diff(x, axis=0), pb.isin(x, x), pb.cross(x, x + 1)], {x: values})
    for one, other in zip(
        found, [np.diff(values, axis=0), values == values, np.cross(values, values + 1)], strict=True
    ):
        np.testing.assert_allclose(one, other)
