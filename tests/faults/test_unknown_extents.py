"""Operations that work with unknown extents were refused along one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import pullback as pb

Body = Callable[..., Any]
Shape = tuple[int | None, ...]
RNG = np.random.default_rng(3)
X = np.arange(24.0).reshape(4, 3, 2)
VECTORS = RNG.standard_normal((2, 4, 3))


def _results(body: Body, arrays: tuple[Any, ...], shapes: tuple[Shape, ...], target: str) -> list[Any]:
    """The values, and the gradients of both orders by the floating-point arguments."""
    with pb.Graph():
        xs = [
            pb.placeholder(array.dtype, shape, f"x{i}")
            for i, (array, shape) in enumerate(zip(arrays, shapes, strict=True))
        ]
        made = body(*xs)
        ys = made if isinstance(made, list) else [made]
        wrt = [x for x in xs if x.dtype == "f64"]
        weights = [pb.cos(y) for y in ys]  # so that the second order is more than zeros
        first = pb.gradients(weights, wrt)
        second = pb.gradients(first, wrt, unconnected_gradients="zero")
        return pb.compile(xs, [*ys, *first, *second], target)(*arrays)


LOGITS = RNG.standard_normal((5, 7))
LABELS = np.array([0, 3, 6, 9, -1], np.int32)
IMAGES, FILTERS = RNG.standard_normal((2, 6, 5, 3)), RNG.standard_normal((3, 2, 3, 2))


def _sparse(logits: Any, labels: Any) -> Any:
    return pb.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


CASES: dict[str, tuple[Body, tuple[Any, ...]]] = {
    "split in two": (lambda x: pb.split(x, 2), (X,)),
    "split along another axis": (lambda x: pb.split(x, 3, axis=1), (X,)),
    "split with a rest": (lambda x: pb.split(x, [1, -1, 2]), (X,)),
    "split with an empty rest": (lambda x: pb.split(x, [4, -1]), (X,)),
    "unstack": (lambda x: pb.unstack(x, num=4), (X,)),
    "unstack the last axis": (lambda x: pb.unstack(x, axis=-1, num=2), (X,)),
    "repeat": (lambda x: pb.repeat(x, [2, 0, 1], axis=1), (X,)),
    "cross": (pb.cross, (VECTORS[0], VECTORS[1])),
    "group_norm": (lambda x: pb.group_norm(x, 3, axis=1), (X,)),
    "sparse cross entropy": (_sparse, (LOGITS, LABELS)),
    "depthwise": (lambda x, f: pb.depthwise_conv2d(x, f, 1, "VALID"), (IMAGES, FILTERS)),
    "depthwise with strides": (lambda x, f: pb.depthwise_conv2d(x, f, 2, "SAME"), (IMAGES, FILTERS)),
}


@cache
def _expected(name: str) -> Any:
    body, arrays = CASES[name]
    return _results(body, arrays, tuple(a.shape for a in arrays), "numpy")


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("known", ["none", "half"])
@pytest.mark.parametrize("name", CASES)
def test_the_same_as_with_known_extents(name: str, known: str, target: str) -> None:
    body, arrays = CASES[name]
    shapes = [a.shape for a in arrays]
    open_ = [tuple(n if known == "half" and i % 2 else None for i, n in enumerate(s)) for s in shapes]
    for got, wanted in zip(_results(body, arrays, tuple(open_), target), _expected(name), strict=True):
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)


def test_values() -> None:
    first, rest = _results(lambda x: pb.split(x, [1, -1]), (X,), ((None, 3, 2),), "numpy")[:2]
    np.testing.assert_array_equal(first, X[:1])
    np.testing.assert_array_equal(rest, X[1:])
    product = _results(pb.cross, tuple(VECTORS), ((None, None),) * 2, "cpu")[0]
    np.testing.assert_allclose(product, np.cross(*VECTORS))


def test_a_size_that_is_known_is_in_the_type() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 3), name="x")
        assert [t.shape for t in pb.split(x, [2, -1])] == [(2, 3), (None, 3)]
        assert [t.shape for t in pb.split(x, 2)] == [(None, 3), (None, 3)]
        assert [t.shape for t in pb.unstack(x, num=5)] == [(3,)] * 5


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize(
    ("message", "body"),
    [
        (r"sizes \[-1, -1, -1\] do not make up axis 0 of shape \(4, 3, 2\)", lambda x: pb.split(x, 3)),
        (r"sizes \[5, -1\] do not make up", lambda x: pb.split(x, [5, -1])),
        (r"sizes \[2, 1\] do not make up", lambda x: pb.split(x, [2, 1])),
        (r"sizes \[3\] do not make up", lambda x: pb.unstack(x, num=3)),
        (r"sizes \[2\] do not make up", lambda x: pb.repeat(x, [1, 2], axis=0)),
        (r"sizes \[3\] do not make up", lambda x: pb.cross(x, x, axis=0)),
    ],
)
def test_a_run_says_what_does_not_fit(message: str, body: Body, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (None, 3, 2), name="x")
        made = body(x)
        with pytest.raises(ValueError, match=message):
            pb.compile([x], made if isinstance(made, list) else [made], target)(X)


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("known only at run time: say with num=", lambda x: pb.unstack(x)),
        ("known only at run time: unstack", list),
        ("axis 1 of .* has 3 parts, not 2", lambda x: pb.unstack(x, axis=1, num=2)),
        ("num: expected a whole number", lambda x: pb.unstack(x, num=-1)),
        ("one of them may be -1", lambda x: pb.split(x, [-1, -1])),
        ("expected at least one piece", lambda x: pb.split(x, [])),
        ("axis 1 of .* into 2 equal pieces", lambda x: pb.split(x, 2, axis=1)),
        ("expected three elements", lambda x: pb.cross(x, x, axis=2)),
    ],
)
def test_what_is_known_to_be_wrong_is_said_at_once(message: str, body: Body) -> None:
    with pb.Graph(), pytest.raises(ValueError, match=message) as caught:
        body(pb.placeholder("f64", (None, 3, 2), name="x"))
    assert "run time" not in message or "cannot" not in str(caught.value)
