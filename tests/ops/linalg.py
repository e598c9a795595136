"""Cases of matrix products."""

from __future__ import annotations

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.tests.ops.case import Case


def _product(a: str, b: str, transpose_a: bool = False, transpose_b: bool = False) -> Case:
    return Case(
        (a, b),
        lambda x, y: MatMul.product(x, y, transpose_a, transpose_b),
        lambda x, y: (x.swapaxes(-1, -2) if transpose_a else x) @ (y.swapaxes(-1, -2) if transpose_b else y),
    )


CASES: dict[str, list[Case]] = {
    "graph.matmul": [
        _product("2x3xf64", "3x4xf64"),
        _product("5x2x3xf64", "3x4xf64"),
        _product("5x2x3xf64", "4x3xf64", False, True),
        _product("2x5x2x3xf64", "5x2x4xf64", True),
        _product("2x1x2x3xf64", "1x4x5x3xf64", False, True),
        _product("3x2xf64", "2x4x3xf64", True, True),
        _product("?x2x3xf64", "?x3x4xf64"),
        _product("?x2x3xf64", "3x2xf64"),
        _product("?x?x?xf64", "?x?xf64", True),
        _product("0x2x3xf64", "3x2xf64"),
        _product("2x2x0xf64", "2x0x3xf64"),
        _product("2x17x1xf64", "1x17xf64"),
        _product("3xf64", "2x3x4xf64"),
        _product("2x3xf64", "3xf64"),
        _product("3xf64", "3xf64"),
        _product("?x?x3xf64", "3xf64"),
        _product("2x2x3xi32", "3x4xi32"),
        _product("2x2x3xcomplex<f64>", "3x4xcomplex<f64>"),
        _product("2x3x2xcomplex<f64>", "2x3x4xcomplex<f64>", True),
    ],
}

BATCH, MATRIX = "tensor<5x2x3xf32>", "tensor<3x3xf32>"


def _broken(label: str, a: str, b: str) -> tuple[str, str, str]:
    return label, f"%a: {a}, %b: {b}", f"graph.matmul %a, %b : ({a}, {b}) -> {BATCH}"


BROKEN: list[tuple[str, str, str]] = [
    _broken("dtype_c1", "tensor<3x3xi1>", "tensor<3x3xi1>"),
    _broken("dtype_c2", "tensor<3x3xi32>", MATRIX),
    _broken("rank_c2", "tensor<3xf32>", MATRIX),
    _broken("inner_c1", BATCH, BATCH),
    _broken("batch_c1", BATCH, "tensor<4x3x3xf32>"),
]
