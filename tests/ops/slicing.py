"""Cases of slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.by_index.dynamic_slicing import DynamicSlice, DynamicUpdateSlice
from pullback.dialects.graph.movement.block_slicing import Slice
from pullback.dialects.graph.movement.padded_slicing import PaddedSlice
from pullback.dialects.graph.movement.rearranging import Squeeze
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.movement.slicing import StridedSlice, StridedSliceGradient
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case

X = "tensor<2x3xf32>"

KEYS: list[tuple[str, Any]] = [
    ("5x4xf64", np.s_[1:4, ::-1]),
    ("17x3xf64", np.s_[-1:1:-5, 0:0]),
    ("17x3xf64", np.s_[15::-7, 1:]),
    ("0x3xf64", np.s_[::2, 2:0:-1]),
    ("1x1x2xf64", np.s_[::-1, 1:, -1:]),
    ("?x?xf64", np.s_[1:, :-1]),
    ("?x?xf64", np.s_[-2:, ::-2]),
    ("?x4xf64", np.s_[5:, -1:-4:-2]),
    ("3x2xcomplex<f64>", np.s_[::-2, 1:]),
    ("5xf16", np.s_[::-2]),
    ("5xi1", np.s_[3:0:-1]),
    ("5xui8", np.s_[:2]),
]


def _slices(key: Any) -> tuple[slice, ...]:
    return key if isinstance(key, tuple) else (key,)


def _strided(type_: str, key: Any) -> Case:
    return Case((type_,), lambda x: StridedSlice.at(x, _slices(key)), lambda x: x[key])


def _gradient(type_: str, key: Any) -> Case:
    """The gradient of `x[key]` for an x of this type, of a tensor shaped as `x[key]`."""

    def body(x: Tensor) -> Tensor:
        dy = StridedSlice.at(x * x, _slices(key))
        return StridedSliceGradient.like(dy, x, _slices(key))

    def reference(x: Any) -> Any:
        taken = np.zeros(x.shape, bool)
        taken[key] = True
        return np.where(taken, x * x, 0)

    return Case((type_,), body, reference)


def _padded(type_: str, begin: list[int], sizes: list[int], strides: list[int], value: float = 0) -> Case:
    """Of a tensor with 20 numbers before and after each axis."""

    def reference(x: Any) -> Any:
        whole = np.pad(x, 20, constant_values=value)
        return whole[
            tuple(slice(b + 20, b + 20 + n * s, s) for b, n, s in zip(begin, sizes, strides, strict=True))
        ]

    return Case((type_,), lambda x: PaddedSlice.at(x, begin, sizes, strides, value), reference)


def _block(type_: str, begin: list[int], size: list[int], key: Any) -> Case:
    return Case((type_,), lambda x: Slice.of(x, begin=integers(begin), size=integers(size)), lambda x: x[key])


def _window(shape: tuple[int, ...], *begin: int) -> Callable[[Any], Any]:
    """What a window holds that may lie outside, element by element."""

    def reference(x: Any) -> Any:
        result = np.zeros(shape, x.dtype)
        for place in np.ndindex(shape):
            source = tuple(p + b for p, b in zip(place, begin, strict=True))
            if all(0 <= i < n for i, n in zip(source, x.shape, strict=True)):
                result[place] = x[source]
        return result

    return reference


def _updated(*begin: int) -> Callable[[Any, Any], Any]:
    def reference(x: Any, update: Any) -> Any:
        result = x.copy()
        for place in np.ndindex(update.shape):
            target = tuple(p + b for p, b in zip(place, begin, strict=True))
            if all(0 <= i < n for i, n in zip(target, x.shape, strict=True)):
                result[target] = update[place]
        return result

    return reference


def _at(*begin: int) -> tuple[Any, ...]:
    return (None, lambda rng, shape: np.array(begin))  # pyright: ignore[reportUnknownVariableType]


def _dynamic(type_: str, shape: tuple[int, ...], *begin: int) -> Case:
    expected = _window(shape, *begin)
    return Case(
        (type_, f"{len(begin)}xi32"),
        lambda x, b: DynamicSlice.window(x, b, shape),
        lambda x, b: expected(x),
        samples=_at(*begin),
    )


def _update(type_: str, update: str, *begin: int) -> Case:
    expected = _updated(*begin)
    return Case(
        (type_, update, f"{len(begin)}xi64"),
        DynamicUpdateSlice.of,
        lambda x, u, b: expected(x, u),
        samples=(None, *_at(*begin)),
    )


CASES: dict[str, list[Case]] = {
    "graph.strided_slice": [_strided(*case) for case in KEYS],
    "graph.strided_slice_gradient": [_gradient(*case) for case in KEYS if case[0].endswith("f64")],
    "graph.slice": [
        _block("4x3xf64", [1, 0], [2, 3], np.s_[1:3]),
        _block("4x3xf64", [4, 1], [-1, 0], np.s_[4:, 1:1]),
        _block("?x?xf64", [1, 1], [-1, 2], np.s_[1:, 1:3]),
        _block("1x17xcomplex<f64>", [0, 3], [1, -1], np.s_[:, 3:]),
        _block("f64", [], [], ()),
    ],
    "graph.dynamic_slice": [
        _dynamic("4x3xf64", (2, 2), 1, 1),
        _dynamic("4x3xf64", (2, 2), -1, 2),
        _dynamic("4x3xf64", (6, 1), -1, 0),
        _dynamic("4x3xf64", (2, 2), 7, 0),
        _dynamic("4x3xcomplex<f64>", (0, 2), 2, 1),
        _dynamic("?x3xf64", (2, 3), 2, 0),
        _dynamic("4x3xf64", (2, 2), 2**31 - 1, 0),
        _dynamic("4x3x2xf64", (2, 2, 1), 2, -(2**31), 1),
        _dynamic("0x3xf64", (2, 2), 0, 0),
        _dynamic("f64", ()),
        Case(
            ("?xf64", "?xf64", "1xi8"),
            lambda x, y, b: DynamicSlice.window(x, b, (DYNAMIC_INDEX,), dynamic_shape(y)) * y,
            lambda x, y, b: _window((3,), 1)(x) * y,
            samples=(None, *_at(1)[:1], _at(1)[1]),
        ),
    ],
    "graph.dynamic_update_slice": [
        _update("4x3xf64", "2x2xf64", 1, 1),
        _update("4x3xf64", "2x2xf64", -1, 2),
        _update("4x3xf64", "2x2xf64", 0, 3),
        _update("4x3xf64", "5x4xf64", 0, -1),
        _update("?x3xf64", "?x1xf64", 1, 0),
        _update("4x3xf64", "2x2xf64", 2**62, 0),
        _update("4x3xi32", "2x2xi32", 2, -1),
        _update("3xcomplex<f64>", "0xcomplex<f64>", 1),
    ],
    "graph.padded_slice": [
        _padded("5x4xf64", [-1, 0], [7, 4], [1, 1]),
        _padded("5x4xf64", [-3, 1], [3, 5], [4, 2], 1.5),
        _padded("17x3xf64", [-2, -1], [10, 1], [2, 1]),  # no column of it exists
        _padded("0x3xf64", [-1, 1], [2, 4], [1, 1]),
        _padded("3x1xf64", [1, -1], [2, 0], [1, 1]),
        _padded("5xcomplex<f64>", [2], [5], [1]),
        _padded("5xi1", [-1], [7], [1], True),
        _padded("5xf16", [-2], [4], [3], 0.5),
    ],
    "graph.squeeze": [
        Case(("1x2x1xf64",), lambda x: Squeeze.at(x, [0, 2]), lambda x: x[0, :, 0]),
        Case(("1x?xf64",), lambda x: Squeeze.at(x, [0]), lambda x: x[0]),
        Case(("1x0x1xcomplex<f64>",), lambda x: Squeeze.at(x, [2]), lambda x: x[..., 0]),
    ],
}


def _strided_text(op: str, properties: str, result: str) -> str:
    return f"{op} %x {{{properties}}} : ({X}) -> {result}"


def _padded_text(begin: str, sizes: str, strides: str, value: str = "0.0 : f32", type_: str = X) -> str:
    lists = f"begin = array<i64: {begin}>, sizes = array<i64: {sizes}>, strides = array<i64: {strides}>"
    return f"graph.padded_slice %x {{{lists}, value = {value}}} : ({type_}) -> tensor<4x3xf32>"


BROKEN = [
    ("padded_slice_c1", f"%x: {X}", _padded_text("-1", "4, 3", "1, 1")),
    ("padded_slice_c2", f"%x: {X}", _padded_text("-1, 0", "4, 3", "1, 0")),
    (
        "padded_slice_c3",
        "%x: tensor<?x3xf32>",
        _padded_text("-1, 0", "4, 3", "1, 1", type_="tensor<?x3xf32>"),
    ),
    ("padded_slice_c4", f"%x: {X}", _padded_text("-1, 0", "4, 3", "1, 1", "1 : i8")),
    (
        "slice_c1",
        f"%x: {X}",
        _strided_text(
            "graph.strided_slice",
            "begin = array<i64: 0>, end = array<i64: 1>, strides = array<i64: 1>",
            "tensor<1x3xf32>",
        ),
    ),
    (
        "slice_c2",
        f"%x: {X}",
        _strided_text(
            "graph.strided_slice",
            "begin = array<i64: 0, 0>, end = array<i64: 1, 1>, strides = array<i64: 1, 0>",
            "tensor<1x1xf32>",
        ),
    ),
    (
        "slice_c3",
        f"%x: {X}",
        _strided_text(
            "graph.strided_slice_gradient",
            "begin = array<i64: 0, 0>, end = array<i64: 1, 3>, strides = array<i64: 1, 1>",
            "tensor<4x3xf32>",
        ),
    ),
    (
        "dtype_c2",
        f"%x: {X}",
        _strided_text(
            "graph.strided_slice_gradient",
            "begin = array<i64: 0, 0>, end = array<i64: 2, 3>, strides = array<i64: 1, 1>",
            "tensor<4x3xf64>",
        ),
    ),
    (
        "slice_c4",
        f"%x: {X}",
        f"graph.slice %x {{begin = array<i64: 0>, size = array<i64: 1>}} : ({X}) -> tensor<1x3xf32>",
    ),
    (
        "slice_c5",
        f"%x: {X}",
        f"graph.slice %x {{begin = array<i64: 1, 0>, size = array<i64: 2, -1>}} : ({X}) -> {X}",
    ),
    (
        "slice_c6",
        f"%x: {X}, %b: tensor<3xi32>",
        f"graph.dynamic_slice %x, %b : ({X}, tensor<3xi32>) -> {X}",
    ),
    (
        "slice_c7",
        f"%x: {X}, %b: tensor<2xi32>",
        f"graph.dynamic_slice %x, %b : ({X}, tensor<2xi32>) -> tensor<f32>",
    ),
    (
        "slice_c7",
        f"%x: {X}, %u: tensor<3xf32>, %b: tensor<2xi32>",
        f"graph.dynamic_update_slice %x, %u, %b : ({X}, tensor<3xf32>, tensor<2xi32>) -> {X}",
    ),
    ("dtype_c4", f"%x: {X}, %b: tensor<2xf32>", f"graph.dynamic_slice %x, %b : ({X}, tensor<2xf32>) -> {X}"),
    (
        "squeeze_c1",
        f"%x: {X}",
        f"graph.squeeze %x {{axes = array<i64: 0>}} : ({X}) -> tensor<3xf32>",
    ),
]
