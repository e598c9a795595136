"""Converts strides, dilations and paddings of windows, in TensorFlow's forms or as pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.dialects.graph.windows.windows import Padding, Pair, same_padding
from pullback.frontend.operands.axes import is_whole_number, whole_numbers
from pullback.frontend.operands.convert import as_tensor

PaddingLike: TypeAlias = str | int | Sequence[Any]
"""`"SAME"`, `"VALID"`, or one number for all sides, two pairs for rows and columns, or a pair for each axis."""
ORDERS = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 2, 3, 1)}
"""The positions of images, rows, columns and channels in each data format."""


class Images:
    """Images in a data format, as the operations take them: (N, H, W, C)."""

    def __init__(self, x: Operand, data_format: str, what: str) -> None:
        if data_format not in ORDERS:
            raise GraphError(f"{what}: data_format: expected 'NHWC' or 'NCHW', got {data_format!r}")
        value = as_tensor(x, f"{what}: input")
        if value.ndim != 4:
            raise GraphError(f"{what}: input: expected images of rank 4 ({data_format}), got {value.type}")
        self.what, self.format, self.order = what, data_format, ORDERS[data_format]
        self.value = Transpose.ordered(value, self.order) if data_format == "NCHW" else value

    def back(self, y: Tensor) -> Tensor:
        """A result in the format of the images."""
        return Transpose.ordered(y, (0, 3, 1, 2)) if self.format == "NCHW" else y

    def pair(self, value: int | Sequence[int], name: str) -> Pair:
        """One number for rows and columns, one for each, or one for each axis."""
        given = whole_numbers(value, f"{self.what}: {name}")
        if len(given) == 4:
            rows, columns = self.order[1:3]
            if [n for axis, n in enumerate(given) if axis not in (rows, columns)] != [1, 1]:
                raise GraphError(f"{self.what}: {name}: expected 1 along images and channels, got {value}")
            given = [given[rows], given[columns]]
        elif len(given) == 1:
            given = given * 2
        if len(given) != 2 or min(given) < 1:
            raise GraphError(f"{self.what}: {name}: expected one, two or four numbers from 1 on, got {value}")
        return given[0], given[1]

    def padding(
        self, padding: PaddingLike, image: Sequence[int], size: Pair, strides: Pair, dilations: Pair = (1, 1)
    ) -> Padding:
        """The rows and columns around images of these extents; `SAME` stays where one is not known."""
        if not isinstance(padding, str):
            return self._explicit(padding)
        match padding.upper():
            case "VALID":
                return (0, 0), (0, 0)
            case "SAME" if DYNAMIC_INDEX in (*image, *size):
                return "SAME"
            case "SAME":
                rows, columns = (
                    same_padding(*axis) for axis in zip(image, size, strides, dilations, strict=True)
                )
                return rows, columns
            case _:
                raise GraphError(
                    f"{self.what}: padding: expected 'SAME', 'VALID' or pairs of numbers, got {padding!r}"
                )

    def _explicit(self, padding: int | Sequence[Any]) -> Padding:
        what = f"{self.what}: padding"
        pairs = [padding] * 2 if is_whole_number(padding) else padding
        if not isinstance(pairs, list | tuple) or len(pairs) not in (2, 4):
            raise ArgumentTypeError(f"{what}: expected 'SAME', 'VALID' or two or four pairs, got {padding!r}")
        checked = [self._before_and_after(pair, padding) for pair in pairs]
        if len(checked) == 2:
            return checked[0], checked[1]
        rows, columns = self.order[1:3]
        if any(p != (0, 0) for axis, p in enumerate(checked) if axis not in (rows, columns)):
            raise GraphError(f"{what}: expected (0, 0) along images and channels, got {padding}")
        return checked[rows], checked[columns]

    def _before_and_after(self, pair: Any, padding: object) -> Pair:
        given = whole_numbers(pair, f"{self.what}: padding")
        given = given * 2 if len(given) == 1 else given
        if len(given) != 2 or min(given) < 0:
            raise GraphError(f"{self.what}: padding: expected pairs of numbers from 0 on, got {padding}")
        return given[0], given[1]
