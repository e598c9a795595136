"""NumPy's f64 was a Python number for some entry points and an array for others: `asarray(np.float64(2))` was f32.

NumPy's scalars keep their dtype where no tensor is beside them. Beside a tensor of their kind they take its dtype, as
numbers of Python do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.tensor.types import NUMPY_DTYPES, element_type_from

UNTYPED: Any = pb
DTYPES = [str(t) for t in NUMPY_DTYPES]
ALONE: dict[str, Callable[[Any], Any]] = {
    "constant": pb.constant,
    "asarray": pb.asarray,
    "identity": pb.identity,
    "full": lambda v: pb.full((2,), v),
    "a list": lambda v: pb.constant([v, v]),
    "a list beside numbers": lambda v: pb.constant([v, True]),
    "stacked": lambda v: pb.stack([v, v]),
    "a function": lambda v: pb.function(lambda x: pb.identity(x))(v),
    "a leaf": lambda v: pb.function(lambda d: pb.identity(d["x"][0]))({"x": (v,)}),
    "a variable": lambda v: pb.Variable(v).read(),
}


@pytest.mark.parametrize("entry", ALONE.values(), ids=ALONE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_alone_they_keep_their_dtype(dtype: str, entry: Callable[[Any], Any]) -> None:
    value = NUMPY_DTYPES[element_type_from(dtype)].type(1)
    with pb.Graph():
        assert entry(value).dtype == dtype


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64", "complex<f32>", "complex<f64>"])
def test_functions_and_gradients_keep_it_inside_and_outside_of_graphs(dtype: str) -> None:
    kind = NUMPY_DTYPES[element_type_from(dtype)]
    value = kind.type(2)
    square = lambda x: pb.real(x * x)  # noqa: E731
    transforms: list[Callable[[Any], Any]] = [
        pb.function(square),
        pb.grad(square),
        lambda x: pb.vjp(lambda v: v * v, x)[1](1)[0],
        lambda x: pb.jvp(lambda v: v * v, (x,), (1,))[1],
    ]
    for f in transforms[1:]:
        assert f(value).dtype == kind
        with pb.Graph():
            assert f(value).dtype == dtype
    with pb.Graph():
        assert transforms[0](value).dtype == pb.real(pb.constant(value)).dtype


BESIDE: list[tuple[str, Any, bool]] = [
    *[
        (dtype, scalar, True)
        for dtype in ("f16", "bf16", "f32", "f64")
        for scalar in (np.float64(2), np.float16(2))
    ],
    *[
        ("f32", NUMPY_DTYPES[element_type_from(dtype)].type(2), True)
        for dtype in ("bf16", "f32", "i64", "i8", "ui8")
    ],
    ("f32", np.longdouble(2), True),
    ("f32", np.uint16(2), True),
    ("complex<f32>", np.sqrt(4.0), True),
    ("complex<f32>", np.complex128(2), True),
    ("complex<f64>", np.float32(2), True),
    ("i32", np.int64(2), True),
    ("i64", np.int8(2), True),
    ("i32", np.float64(2), False),
    ("f32", np.complex64(2), False),
]


@pytest.mark.parametrize(("dtype", "scalar", "fits"), BESIDE, ids=repr)
def test_beside_a_tensor_of_their_kind_they_take_its_dtype(dtype: str, scalar: Any, fits: bool) -> None:
    with pb.Graph():
        x = pb.constant(3, dtype)
        v = pb.Variable(3, dtype=dtype)
        acts: list[Callable[[], Any]] = [
            lambda: x * scalar,
            lambda: scalar * x,
            lambda: pb.multiply(x, scalar),
            lambda: pb.where(True, scalar, x),
            lambda: pb.stack([x, scalar])[1],
            lambda: pb.asarray([scalar, x])[0],
            lambda: v * scalar,
        ]
        for act in acts:
            if fits:
                assert act().dtype == dtype
            else:
                with pytest.raises(ValueError, match=r"dtype|expected"):
                    act()
        if fits:
            assert pb.run([v.assign(scalar), v])[1] == 2
            assert pb.gradients([x], [x], [scalar])[0].dtype == dtype
            assert pb.run(x * scalar) == 6
        else:
            with pytest.raises(ValueError, match=r"holds|dtype"):
                v.assign(scalar)


def test_the_usual_factor_stays_f32() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3,))
        assert (x * np.sqrt(2)).dtype == "f32"
        assert (x / np.prod([2, 3])).dtype == "f32"
        assert pb.clip(x, np.float64(-1), np.float64(1)).dtype == "f32"
    assert pb.jvp(lambda v: v * v, (np.float32(3),), (np.float64(1),))[1].dtype == np.float32


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64, np.uint8])
def test_options_take_them_as_numbers(kind: Any) -> None:
    one, two = kind(1), kind(2)
    with pb.Graph():
        x = pb.constant([[4.0, 1.0, 3.0], [1.0, 2.0, 2.0]])
        options: list[tuple[Any, Any]] = [
            (pb.norm(x, ord=two, axis=1), pb.norm(x, ord=2, axis=1)),
            (pb.leaky_relu(-x, two), pb.leaky_relu(-x, 2.0)),
            (pb.clip_by_norm(x, two), pb.clip_by_norm(x, 2.0)),
            (pb.dropout(x, one / two, seed=3), pb.dropout(x, 0.5, seed=3)),
            (pb.matrix_rank(x, rtol=one), pb.matrix_rank(x, rtol=1.0)),
        ]
        if np.issubdtype(kind, np.integer):
            options += [
                (pb.top_k(x, two)[0], pb.top_k(x, 2)[0]),
                (pb.cross(x, x[:, ::-1], axis=one), pb.cross(x, x[:, ::-1], axis=1)),
            ]
        for found, expected in options:
            np.testing.assert_array_equal(pb.run(found), pb.run(expected))
        with pytest.raises(ValueError, match="clip_norm: expected a number above 0"):
            pb.clip_by_norm(x, -np.float32(1))
    if np.issubdtype(kind, np.integer):
        assert pb.grad(lambda a, b: a * b * b, argnums=one)(2.0, 3.0) == 12


def test_values_that_the_dtype_of_the_tensor_cannot_hold_are_refused() -> None:
    with pb.Graph() as g:
        x, n = pb.placeholder("f32", (3,)), pb.placeholder("i8", (3,))
        before = str(g)
        for act in (
            lambda: x * np.float64(1e300),
            lambda: x * np.longdouble("1e4000"),
            lambda: n + np.int64(128),
            lambda: pb.full((2,), np.float64(1e300), "f32"),
            lambda: UNTYPED.full((2,), np.timedelta64(5, "ns")),
            lambda: x * np.timedelta64(5, "ns"),
        ):
            with pytest.raises(ValueError, match=r"number|value"):
                act()
        assert str(g) == before


def test_two_of_them_take_the_dtype_of_the_array_beside_them() -> None:
    with pb.Graph():
        array = np.ones(2)
        for a, b in ((1.0, array), (array, 1.0), (np.float32(1), array), (array, np.float32(1))):
            assert pb.maximum(a, b).dtype == "f64"
        assert pb.maximum(np.float32(1), 2.0).dtype == "f32"
        assert pb.maximum(2.0, np.float64(1)).dtype == "f64"
