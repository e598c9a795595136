"""Products along axes as users call them, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(0)
A = RNG.standard_normal((2, 3)).astype(np.float32)
B = RNG.standard_normal((3, 4)).astype(np.float32)
T = RNG.standard_normal((5, 2, 3)).astype(np.float32)
V = RNG.standard_normal(3).astype(np.float32)
Z = (A + 1j * A[::-1]).astype(np.complex64)
WRONG: Any = pb
UNTYPED: Any = np

EQUATIONS: list[tuple[str, tuple[Any, ...]]] = [
    ("ij,jk", (A, B)),
    ("ij,jk->ki", (A, B)),
    (" i j -> j i ", (A,)),
    ("ba", (A,)),
    ("...ij,jk->...ik", (T, B)),
    ("...ij,jk", (A, B)),
    ("...,...->...", (T, V)),
    ("i...,j...->ij...", (A, A)),
    ("...ij,...kj->...ik", (T[:1], T)),
    ("...i,...i", (T[:, :1], A)),
    ("...", (A,)),
    ("...ii->...i", (T[:, :, :2],)),
    ("i...->...", (T,)),
    ("ij,jk,k->i", (A, B, B[0])),
    ("Ij,jK->KI", (A, B)),
]


@pytest.mark.parametrize(("equation", "operands"), EQUATIONS, ids=[e for e, _ in EQUATIONS])
@pytest.mark.parametrize("known", [True, False])
def test_einsum(graph: pb.Graph, equation: str, operands: tuple[Any, ...], known: bool) -> None:
    """Extents of 1 that are to broadcast have to be known; others need not."""
    xs = [pb.placeholder("f32", [n if known or n == 1 else None for n in x.shape]) for x in operands]
    y = pb.einsum(equation, *xs, name="sum")
    assert y.op.name == "graph.einsum"
    assert y.name == "sum"
    feeds = dict(zip(xs, operands, strict=True))
    expected = np.einsum(equation, *operands)
    np.testing.assert_allclose(pb.run(y, feeds), expected, rtol=1e-5, atol=1e-6)
    step = pb.compile(xs, [y, *pb.gradients(pb.sum(y), xs)], target="cpu")
    found, *gradients = step(*operands)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for gradient, x in zip(gradients, operands, strict=True):
        assert gradient.shape == x.shape


def test_a_product_of_matrices_runs_in_kernels(graph: pb.Graph) -> None:
    x, w = pb.placeholder("f32", (5, 2, 3)), pb.placeholder("f32", (4, 3))
    step = pb.compile([x, w], [pb.einsum("btd,ed->bte", x, w)], target="cpu")
    assert "graph.einsum" not in step.ir("kernels")
    np.testing.assert_allclose(step(T, B.T)[0], T @ B, rtol=1e-5)


PRODUCTS: dict[str, tuple[Callable[[], pb.Tensor], Callable[[], Any]]] = {
    "matmul of batches": (lambda: pb.matmul(T, B), lambda: T @ B),
    "matmul of vectors": (lambda: pb.matmul(V, V), lambda: V @ V),
    "matmul of matrices and a vector": (lambda: pb.constant(T) @ V, lambda: T @ V),
    "matmul of a vector and matrices": (lambda: V @ pb.constant(T.transpose(0, 2, 1)), lambda: T @ V),
    "matmul transposed": (lambda: pb.matmul(T, B, transpose_a=False), lambda: T @ B),
    "matmul of integers": (
        lambda: pb.matmul(pb.constant(np.arange(6).reshape(2, 3)), np.arange(3)),
        lambda: np.arange(6).reshape(2, 3) @ np.arange(3),
    ),
    "tensordot": (lambda: pb.tensordot(T, A), lambda: np.tensordot(T, A)),
    "tensordot of one axis": (lambda: pb.tensordot(T, B, 1), lambda: np.tensordot(T, B, 1)),
    "tensordot of none": (lambda: pb.tensordot(A, V, 0), lambda: np.tensordot(A, V, 0)),
    "tensordot of given axes": (
        lambda: pb.tensordot(T, A, ([-1, 1], [1, 0])),
        lambda: np.tensordot(T, A, ([-1, 1], [1, 0])),
    ),
    "vecdot": (lambda: pb.vecdot(T, V), lambda: np.vecdot(T, V)),
    "vecdot of the first axis": (lambda: pb.vecdot(A, A, axis=0), lambda: UNTYPED.vecdot(A, A, axis=0)),
    "vecdot of an inner axis": (lambda: pb.vecdot(T, A, axis=-2), lambda: UNTYPED.vecdot(T, A, axis=-2)),
    "vecdot of complex numbers": (lambda: pb.vecdot(Z, Z[0]), lambda: np.vecdot(Z, Z[0])),
    "outer": (lambda: pb.outer(V, B[0]), lambda: np.outer(V, B[0])),
}


@pytest.mark.parametrize("case", PRODUCTS)
def test_products(graph: pb.Graph, case: str) -> None:
    call, reference = PRODUCTS[case]
    found, expected = pb.run(call()), reference()
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5)


REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "a scalar": ("a scalar is no matrix", lambda: pb.matmul(A, 2.0)),
    "a vector transposed": ("a vector has no transpose", lambda: pb.matmul(V, A, transpose_a=True)),
    "inner extents": ("inner_c1: inner extents 3 and 2 differ", lambda: pb.matmul(A, A)),
    "batches": (
        r"batch_c1: leading axes must broadcast, got \(5\) and \(2\)",
        lambda: pb.matmul(T, T[:2, 0, :, None]),
    ),
    "no equation": ("equation: expected text such as", lambda: WRONG.einsum(A, B)),
    "digits": ("expected letters, such as 'ij,jk->ik', got 'j1'", lambda: pb.einsum("ij,j1->i", A, B)),
    "two arrows": ("'->' twice", lambda: pb.einsum("ij->i->j", A)),
    "terms": ("has 1 terms for 2 operands", lambda: pb.einsum("ij->i", A, B)),
    "letters": ("term 'ijk' has 3 letters, operand 0 is tensor<2x3xf32>", lambda: pb.einsum("ijk->i", A)),
    "too few letters": ("term 'i' has 1 letters, operand 0 is", lambda: pb.einsum("i->i", A)),
    "unknown letters": ("equation_c4: .* got 'k'", lambda: pb.einsum("ij->k", A)),
    "no ellipsis": (r"the result has no '\.\.\.'", lambda: pb.einsum("...i->i", A)),
    "extents": ("extents_c1: axes of one label must have one extent", lambda: pb.einsum("ij,ik->jk", A, B)),
    "dtypes": ("dtype_c2", lambda: pb.einsum("ij,jk", A, B.astype(np.float64))),
    "tensordot extents": ("extents_c1", lambda: pb.tensordot(A, A, 1)),
    "tensordot of too many": ("tensordot: axes: .* do not have 3 axes each", lambda: pb.tensordot(A, A, 3)),
    "tensordot of other numbers": ("as many axes of a as of b", lambda: pb.tensordot(A, A, ([0], [0, 1]))),
    "tensordot axes": ("tensordot: axes: expected a number or two", lambda: WRONG.tensordot(A, A, "a")),
    "vecdot axis": ("vecdot: axis 0 does not exist in both", lambda: pb.vecdot(T, V, axis=0)),
    "vecdot extents": ("vecdot: extents along axis -1 differ", lambda: pb.vecdot(A, B)),
    "outer": ("outer: expected two vectors", lambda: pb.outer(A, V)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(graph: pb.Graph, case: str) -> None:
    message, call = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
