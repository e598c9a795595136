"""Cases of Einstein summation, against NumPy without its own optimisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.linear_algebra.einsum import Einsum, Equation
from pullback.tests.ops.case import Case


def _einsum(equation: str, *types: str, orders: tuple[int, ...] = (1, 2)) -> Case:
    stated = Equation.parsed(equation)

    def reference(*operands: Any) -> Any:
        summed = np.einsum(f"{','.join(stated.terms)}->{stated.plain_result}", *operands)
        return _on_diagonals(summed, stated)

    return Case(types, lambda *xs: Einsum.product(stated, *xs), reference, orders=orders)


def _on_diagonals(summed: Any, stated: Equation) -> Any:
    """Element by element: the result is zero where two axes of one label differ."""
    if stated.result == stated.plain_result:
        return summed
    shape = [summed.shape[stated.plain_result.index(label)] for label in stated.result]
    result = np.zeros(shape, summed.dtype)
    for at in np.ndindex(*summed.shape):
        of = dict(zip(stated.plain_result, at, strict=True))
        result[tuple(of[label] for label in stated.result)] = summed[at]
    return result


CASES: dict[str, list[Case]] = {
    "graph.einsum": [
        _einsum("ij,jk->ik", "2x3xf64", "3x4xf64"),
        _einsum("ji,kj->ki", "3x2xf64", "4x3xf64"),
        _einsum("bij,bkj->bik", "2x3x4xf64", "2x2x4xf64"),
        _einsum("bthd,bshd->bhts", "1x3x2x4xf64", "1x2x2x4xf64"),
        _einsum("abcd,dcef->abef", "2x1x3x2xf64", "2x3x1x2xf64"),
        _einsum("i,i->", "3xf64", "3xf64"),
        _einsum("i,j->ij", "2xf64", "3xf64"),
        _einsum("ij,ij->ji", "2x3xf64", "2x3xf64"),
        _einsum("ijk->k", "2x3x2xf64"),
        _einsum("ij,jk->i", "2x3xf64", "3x4xf64"),
        _einsum("ij,k->i", "2x3xf64", "4xf64"),
        _einsum("ii->i", "3x3xf64"),
        _einsum("ii->", "3x3xf64"),
        _einsum("iij->j", "2x2x3xf64"),
        _einsum("ij,jj->ij", "2x3xf64", "3x3xf64"),
        _einsum("i->ii", "3xf64"),
        _einsum("ij,j->iij", "2x3xf64", "3xf64"),
        _einsum("ij,jk,kl->il", "2x3xf64", "3x4xf64", "4x2xf64"),
        _einsum("ia,ja,ka->ijk", "2x3xf64", "2x3xf64", "2x3xf64"),
        _einsum(",ij->ij", "f64", "2x3xf64"),
        _einsum("ij->ij", "2x3xf64"),
        _einsum("bij,jk->bik", "?x?x3xf64", "3x2xf64"),
        _einsum("ij,kl->", "?x2xf64", "?x3xf64"),
        _einsum("ii->", "?x?xf64"),
        _einsum("ij,jk->ik", "0x3xf64", "3x2xf64"),
        _einsum("ij,jk->ik", "2x0xf64", "0x3xf64"),
        _einsum("ij,jk->ik", "2x3xcomplex<f64>", "3x2xcomplex<f64>"),
        _einsum("ii,i->", "3x3xcomplex<f64>", "3xcomplex<f64>"),
        _einsum("ij,jk->ik", "17x3xi32", "3x2xi32"),
    ],
}

X = "tensor<2x3xf32>"


def _broken(label: str, equation: str, x: str = X, y: str = "tensor<3x4xf32>") -> tuple[str, str, str]:
    text = f'graph.einsum %x, %y {{equation = "{equation}"}} : ({x}, {y}) -> tensor<2x4xf32>'
    return label, f"%x: {x}, %y: {y}", text


BROKEN: list[tuple[str, str, str]] = [
    _broken("equation_c1", "ij,jk"),
    _broken("equation_c1", "ij,j...->i"),
    _broken("equation_c2", "ij->i"),
    _broken("equation_c3", "ijk,jk->i"),
    _broken("equation_c4", "ij,jk->il"),
    _broken("extents_c1", "ij,ik->ik"),
    _broken("dtype_c1", "ij,jk->ik", "tensor<2x3xi1>", "tensor<3x4xi1>"),
    _broken("dtype_c2", "ij,jk->ik", "tensor<2x3xf64>"),
]
