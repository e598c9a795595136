"""Cases of iota and one-hot vectors."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, FloatAttr, IntegerAttr, f32, f64, i64

from pullback.dialects.graph.by_index.sequences import Iota, OneHot
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.tensor.attributes import scalar_attribute
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import DTYPES, complex128, tensor_type
from pullback.tests.ops.case import Case


def _iota(axis: int, *shape: int, dtype: str = "f32") -> Case:
    type_ = tensor_type(DTYPES[dtype], shape)
    return Case((), lambda: Iota.along(axis, type_), lambda: np.indices(shape)[axis], orders=())


def _iota_like(x: Tensor) -> Tensor:
    return Iota.along(1, tensor_type(f64, (DYNAMIC_INDEX, DYNAMIC_INDEX)), dynamic_shape(x))


def _one_hot(type_: str, depth: int, axis: int, on: Number = 1, off: Number = 0, dtype: str = "f32") -> Case:
    def body(x: Tensor) -> Tensor:
        values = {"on": scalar_attribute(on, DTYPES[dtype]), "off": scalar_attribute(off, DTYPES[dtype])}
        numbers = {"axis": IntegerAttr(axis, i64), "depth": IntegerAttr(depth, i64)}
        return OneHot.of(x, **numbers, **values)

    def reference(x: np.ndarray) -> np.ndarray:
        result = np.full((*x.shape, depth), off, np.result_type(type(on), type(off)))
        for place, index in np.ndenumerate(x):
            if 0 <= index < depth:
                result[(*place, index)] = on
        return np.moveaxis(result, -1, axis)

    return Case(
        (type_,), body, reference, samples=(lambda rng, shape: rng.integers(-1, depth + 2, shape),), orders=()
    )


CASES: dict[str, list[Case]] = {
    "graph.iota": [
        _iota(0, 5),
        _iota(1, 2, 3, 2, dtype="i64"),
        _iota(0, 0, 3),
        _iota(1, 0, 3, dtype="ui8"),
        _iota(0, 17, 1, dtype="bf16"),
        _iota(0, 3, dtype="complex<f64>"),
        Case(("?x?xf64",), _iota_like, lambda x: np.indices(x.shape)[1], orders=()),
    ],
    "graph.one_hot": [
        _one_hot("4xi32", 3, 1),
        _one_hot("2x3xi64", 4, 0, on=5, off=-1, dtype="i32"),
        _one_hot("2x?xi8", 2, 1, on=True, off=False, dtype="i1"),
        _one_hot("0xi32", 3, 0),
        _one_hot("3xi32", 0, 1),
        _one_hot("i32", 17, 0, on=2.5, dtype="f64"),
        _one_hot("3xui8", 2, 1, on=1j, dtype=str(complex128)),
    ],
}

ONE, ZERO = FloatAttr(1.0, f32), FloatAttr(0.0, f32)
RESULT = "(tensor<4xi32>) -> tensor<4x3xf32>"

BROKEN = [
    ("axis_c1", "", "graph.iota {axis = 1 : i64} : tensor<3xf32>"),
    ("dtype_c1", "", "graph.iota {axis = 0 : i64} : tensor<3xi1>"),
    ("shape_c1", "", "graph.iota {axis = 0 : i64} : tensor<?xf32>"),
    (
        "axis_c1",
        "%i: tensor<4xi32>",
        f"graph.one_hot %i {{axis = 2 : i64, depth = 3 : i64, on = {ONE}, off = {ZERO}}} : {RESULT}",
    ),
    (
        "depth_c1",
        "%i: tensor<4xi32>",
        f"graph.one_hot %i {{axis = 1 : i64, depth = -3 : i64, on = {ONE}, off = {ZERO}}} : {RESULT}",
    ),
    (
        "value_c2",
        "%i: tensor<4xi32>",
        f"graph.one_hot %i {{axis = 1 : i64, depth = 3 : i64, on = {ONE}, off = 0 : i32}} : {RESULT}",
    ),
    (
        "dtype_c4",
        "%i: tensor<4xf32>",
        f"graph.one_hot %i {{axis = 1 : i64, depth = 3 : i64, on = {ONE}, off = {ZERO}}} "
        ": (tensor<4xf32>) -> tensor<4x3xf32>",
    ),
]
