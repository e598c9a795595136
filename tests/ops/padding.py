"""Cases of padding."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import StringAttr

from pullback.dialects.graph.movement.padding import MirrorPad, MirrorPadGradient, Pad
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Number
from pullback.tests.ops.case import Case

X = "tensor<2x3xf32>"


def _pad(type_: str, *pairs: tuple[int, int], value: Number = 0) -> Case:
    return Case(
        (type_,), lambda x: Pad.around(x, pairs, value), lambda x: np.pad(x, pairs, constant_values=value)
    )


def _properties(mode: str, pairs: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    low, high = zip(*pairs, strict=True)
    return {"low": integers(low), "high": integers(high), "mode": StringAttr(mode)}


def _mirror(type_: str, mode: str, *pairs: tuple[int, int]) -> Case:
    return Case(
        (type_,),
        lambda x: MirrorPad.of(x, **_properties(mode, pairs)),
        lambda x: np.pad(x, pairs, mode=mode),  # pyright: ignore[reportArgumentType, reportCallIssue]
    )


def _mirror_gradient(type_: str, mode: str, *pairs: tuple[int, int]) -> Case:
    def reference(dy: Any) -> Any:
        """Every element of `dy` added where NumPy's padding of a tensor of positions says that it came from."""
        inner = [n - low - high for n, (low, high) in zip(dy.shape, pairs, strict=True)]
        places = np.pad(np.arange(np.prod(inner)).reshape(inner), pairs, mode=mode)  # pyright: ignore[reportArgumentType, reportCallIssue]
        total = np.zeros(places.max(initial=-1) + 1, dy.dtype)
        np.add.at(total, places, dy)
        return total.reshape(inner)

    return Case((type_,), lambda x: MirrorPadGradient.of(x, **_properties(mode, pairs)), reference)


CASES: dict[str, list[Case]] = {
    "graph.pad": [
        _pad("2x3xf64", (1, 0), (0, 2)),
        _pad("?x?xf64", (1, 2), (0, 0), value=1.5),
        _pad("0x3xf64", (1, 1), (2, 0), value=-0.5),
        _pad("2x1xcomplex<f64>", (0, 1), (1, 1), value=1 + 2j),
        _pad("3xf64", (17, 1), value=float("inf")),
        _pad("3xi8", (1, 1), value=-7),
        _pad("3xi1", (1, 1), value=True),
        _pad("3xbf16", (0, 1), value=2.0),
    ],
    "graph.mirror_pad": [
        _mirror("2x3xf64", "reflect", (1, 0), (2, 2)),
        _mirror("2x3xf64", "symmetric", (2, 1), (0, 3)),
        _mirror("?x?xf64", "reflect", (2, 2), (1, 0)),
        _mirror("?x3xcomplex<f64>", "symmetric", (3, 0), (1, 1)),
        _mirror("1x4xf64", "reflect", (0, 0), (3, 0)),
        _mirror("0x2xf64", "symmetric", (0, 0), (1, 2)),
        _mirror("17xi16", "reflect", (16, 5)),
    ],
    "graph.mirror_pad_gradient": [
        _mirror_gradient("3x7xf64", "reflect", (1, 0), (2, 2)),
        _mirror_gradient("5x6xf64", "symmetric", (2, 1), (0, 3)),
        _mirror_gradient("?x4xf64", "symmetric", (1, 0), (1, 1)),
        _mirror_gradient("3x4xcomplex<f64>", "reflect", (1, 0), (1, 1)),
        _mirror_gradient("0x4xf64", "reflect", (0, 0), (1, 1)),
    ],
}

BROKEN = [
    (
        "padding_c1",
        f"%x: {X}",
        f"graph.pad %x {{low = array<i64: 1>, high = array<i64: 1, 0>, value = 0.0 : f32}} : ({X}) -> {X}",
    ),
    (
        "padding_c1",
        f"%x: {X}",
        f"graph.pad %x {{low = array<i64: 1, -1>, high = array<i64: 1, 0>, value = 0.0 : f32}} : ({X}) -> {X}",
    ),
    (
        "value_c1",
        f"%x: {X}",
        f"graph.pad %x {{low = array<i64: 0, 0>, high = array<i64: 0, 0>, value = 0 : i32}} : {X}",
    ),
    (
        "padding_c2",
        f"%x: {X}",
        f'graph.mirror_pad %x {{low = array<i64: 2, 0>, high = array<i64: 0, 0>, mode = "reflect"}} '
        f": ({X}) -> tensor<4x3xf32>",
    ),
    (
        "padding_c2",
        f"%x: {X}",
        f'graph.mirror_pad_gradient %x {{low = array<i64: 1, 0>, high = array<i64: 0, 0>, mode = "reflect"}} '
        f": ({X}) -> tensor<1x3xf32>",
    ),
    (
        "mode_c1",
        f"%x: {X}",
        f'graph.mirror_pad %x {{low = array<i64: 1, 0>, high = array<i64: 0, 0>, mode = "wrap"}} '
        f": ({X}) -> tensor<3x3xf32>",
    ),
    (
        "dtype_c1",
        "%x: tensor<3xi1>",
        'graph.mirror_pad_gradient %x {low = array<i64: 1>, high = array<i64: 0>, mode = "reflect"} '
        ": (tensor<3xi1>) -> tensor<2xi1>",
    ),
]
