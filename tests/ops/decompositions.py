"""Cases of matrix decompositions, against SciPy: functions of vectors that are invariant to signs and phases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from pullback.dialects.graph.elementwise.complex_numbers import Real
from pullback.dialects.graph.linear_algebra.decompositions import Eigh, PseudoInverse, Qr, Svd
from pullback.dialects.graph.linear_algebra.matmul import MatMul, adjoint
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import is_complex
from pullback.tests.ops.case import Case
from pullback.tests.ops.factorizations import each


def _results(op: Any, a: Tensor) -> list[Tensor]:
    return [Tensor(r) for r in op.emit([a.value]).results]


def apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Matrices whose eigenvalues and singular values are apart from each other, and from 0."""
    diagonal = np.diag(1.5 * np.arange(1, max(shape[-2:]) + 1))[: shape[-2], : shape[-1]]
    return diagonal + rng.uniform(-0.4, 0.4, shape)


def complex_apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return apart(rng, shape) + 1j * rng.uniform(-0.4, 0.4, shape)


def _case(type_: str, body: Callable[[Tensor], Any], reference: Callable[[Any], Sequence[Any]]) -> Case:
    """Each result of the reference is that of each matrix."""

    def of_batch(a: Any) -> list[Any]:
        a = a.astype(np.result_type(a.dtype, np.float32))
        count = len(reference(np.zeros(a.shape[-2:], a.dtype)))
        return [each(lambda x, i=i: np.asarray(reference(x)[i]), a) for i in range(count)]

    return Case((type_,), body, of_batch, (complex_apart if "complex" in type_ else apart,))


def _weighted(left: Tensor, right: Tensor) -> Tensor:
    """Columns times rows: the phases and signs of pairs cancel, and weights tell the pairs apart."""
    return MatMul.of(left * _weights(left.extents[-1]).tolist(), right)


def _squares(x: Tensor) -> Tensor:
    squares = x * conj(x)
    return Real.of(squares) if is_complex(x.element_type) else squares


def _weights(count: int) -> Any:
    return np.arange(1.0, count + 1)


# ---- eigenvalues -----------------------------------------------------------------------------------------------


def _eigh(a: Tensor) -> list[Tensor]:
    values, vectors = _results(Eigh, a)
    return [values, _weighted(vectors, adjoint(vectors)), _squares(vectors)]


def _scipy_eigh(a: Any) -> list[Any]:
    values, vectors = scipy.linalg.eigh(a, lower=True)
    return [values, vectors * _weights(len(a)) @ vectors.conj().T, np.abs(vectors) ** 2]


def _values(a: Tensor) -> Tensor:
    return _results(Eigh, a)[0]


# ---- orthonormal factors ---------------------------------------------------------------------------------------


def _qr(a: Tensor) -> list[Tensor]:
    q, r = _results(Qr, a)
    return [_weighted(q, adjoint(q)), _squares(q), _squares(r), _weighted(q, r)]


def _scipy_qr(a: Any) -> list[Any]:
    factors: Any = scipy.linalg.qr(a, mode="economic")
    q, r = factors
    weighted = q * _weights(q.shape[1])
    return [weighted @ q.conj().T, np.abs(q) ** 2, np.abs(r) ** 2, weighted @ r]


def _columns(a: Tensor) -> Tensor:
    q = _results(Qr, a)[0]
    return _weighted(q, adjoint(q))


def _triangle(a: Tensor) -> Tensor:
    return _squares(_results(Qr, a)[1])


def _scipy_triangle(a: Any) -> list[Any]:
    factors: Any = scipy.linalg.qr(a, mode="economic")
    return [np.abs(factors[1]) ** 2]


# ---- singular values -------------------------------------------------------------------------------------------


def _svd(a: Tensor) -> list[Tensor]:
    u, s, vh = _results(Svd, a)
    return [s, _weighted(u, vh), _squares(u), _squares(vh)]


def _scipy_svd(a: Any) -> list[Any]:
    u, s, vh = scipy.linalg.svd(a, full_matrices=False)
    return [s, u * _weights(len(s)) @ vh, np.abs(u) ** 2, np.abs(vh) ** 2]


def _of_rank_2(a: Tensor, b: Tensor) -> Tensor:
    return PseudoInverse.within(MatMul.of(a, b), 0.1)


Z = "complex<f64>"
CASES: dict[str, list[Case]] = {
    "graph.eigh": [
        *(_case(type_, _eigh, _scipy_eigh) for type_ in ("3x3xf64", "2x4x4xf64", "1x1xf64", f"3x3x{Z}")),
        *(_case(type_, _values, lambda a: [scipy.linalg.eigvalsh(a)]) for type_ in ("?x?xf64", f"2x?x?x{Z}")),
        Case(("0x0xf64",), _values, lambda a: np.zeros(0)),
        Case(("0x2x2xf64",), lambda a: _results(Eigh, a), lambda a: [np.zeros((0, 2)), np.zeros((0, 2, 2))]),
    ],
    "graph.qr": [
        *(_case(type_, _qr, _scipy_qr) for type_ in ("3x3xf64", "4x2xf64", "2x3x1xf64", "2x4xf64")),
        *(_case(type_, _qr, _scipy_qr) for type_ in (f"3x3x{Z}", f"4x2x{Z}", f"2x2x3x{Z}")),
        *(_case(type_, _triangle, _scipy_triangle) for type_ in ("3x3xf64", "2x4xf64", f"4x2x{Z}")),
        *(
            _case(t, _columns, lambda a: _scipy_qr(a)[:1])
            for t in ("3x3xf64", "2x4x2xf64", "2x4xf64", f"4x2x{Z}")
        ),
        Case(("?x?xf64",), lambda a: MatMul.of(*_results(Qr, a)), lambda a: a, orders=()),
        Case(("0x3xf64",), lambda a: _results(Qr, a), lambda a: [np.zeros((0, 0)), np.zeros((0, 3))]),
        Case(("3x0xf64",), lambda a: _results(Qr, a), lambda a: [np.zeros((3, 0)), np.zeros((0, 0))]),
    ],
    "graph.svd": [
        *(_case(type_, _svd, _scipy_svd) for type_ in ("3x3xf64", "4x2xf64", "2x4xf64", "2x3x1xf64")),
        *(_case(type_, _svd, _scipy_svd) for type_ in (f"3x3x{Z}", f"4x2x{Z}", f"2x2x3x{Z}")),
        *(
            _case(type_, lambda a: _results(Svd, a)[1], lambda a: [scipy.linalg.svdvals(a)])
            for type_ in ("?x?xf64", "4x2xf64", "2x2x4xf64", f"3x3x{Z}", f"4x2x{Z}")
        ),
        Case(("2x0x3xf64",), lambda a: _results(Svd, a)[1], lambda a: np.zeros((2, 0))),
        Case(("3x0xf64",), lambda a: _results(Svd, a)[2], lambda a: np.zeros((0, 0))),
    ],
    "graph.pseudo_inverse": [
        *(
            _case(type_, PseudoInverse.of, lambda a: [scipy.linalg.pinv(a)])
            for type_ in ("3x3xf64", "2x4x2xf64", "2x3xf64", "?x?xf64", f"3x3x{Z}", f"4x2x{Z}", f"2x3x{Z}")
        ),
        Case(("4x2xf64", "2x3xf64"), _of_rank_2, lambda a, b: scipy.linalg.pinv(a @ b), (apart, apart)),
        Case(
            (f"3x2x{Z}", f"2x4x{Z}"), _of_rank_2, lambda a, b: scipy.linalg.pinv(a @ b), (complex_apart,) * 2
        ),
        Case(
            ("3x2xf64",),
            lambda a: PseudoInverse.within(
                a, 0.75
            ),  # of the two singular values about 1.5 and 3, the larger counts
            lambda a: scipy.linalg.pinv(a, rtol=0.75),
            (apart,),
            orders=(),
        ),
        Case(("0x3xf64",), PseudoInverse.of, lambda a: np.zeros((3, 0))),
    ],
}

X = "tensor<2x3xf32>"
V = "tensor<3xf32>"
BROKEN: list[tuple[str, str, str]] = [
    ("square_c1", f"%x: {X}", f"graph.eigh %x : ({X}) -> ({V}, {X})"),
    ("rank_c6", f"%v: {V}", f"graph.qr %v : ({V}) -> ({V}, {V})"),
    ("rank_c6", f"%v: {V}", f"graph.svd %v : ({V}) -> ({V}, {V}, {V})"),
    (
        "dtype_c1",
        "%i: tensor<3x3xi32>",
        "graph.eigh %i : (tensor<3x3xi32>) -> (tensor<3xi32>, tensor<3x3xi32>)",
    ),
    ("dtype_c1", "%i: tensor<3x3xi32>", "graph.pseudo_inverse %i : tensor<3x3xi32>"),
]
