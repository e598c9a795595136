"""Dense elements: one value everywhere is one element, truth values are 0 and 1, and bits count, not numbers."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, IntegerType
from xdsl.ir import Attribute
from xdsl.printer import Printer

_TRUTH = bytes([0, *[1] * 255])
"""Of each byte, whether it is true."""


def dense_elements(type_: Any, data: bytes) -> DenseIntOrFPElementsAttr:
    """The attribute of a static shaped type, from the bytes of its elements or of the one that all are.

    Equal elements give equal attributes: any byte but 0 is the truth value 1, and what is the same everywhere is kept
    as one element, whatever the shape.
    """
    element_type: Attribute = type_.get_element_type()
    if isinstance(element_type, IntegerType) and element_type.width.data == 1:
        data = data.translate(_TRUTH)
    size = element_type.compile_time_size  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    return DenseIntOrFPElementsAttr(type_, BytesAttr(data[:size] if _repeats(data, size) else data))  # pyright: ignore[reportUnknownArgumentType]


def is_uniform(value: DenseIntOrFPElementsAttr) -> bool:
    """Whether all elements have the same bits."""
    return _repeats(value.data.data, value.get_element_type().compile_time_size)


def _repeats(data: bytes, size: int) -> bool:
    if data[:size] != data[-size:]:  # nearly always enough, and cheap
        return False
    view = memoryview(data)
    return view[size:] == view[: max(0, len(data) - size)]


def print_elements(value: DenseIntOrFPElementsAttr, printer: Printer) -> None:
    """`dense<...>` without its type; as bytes where xDSL, for which -0.0 is 0.0, would print one of several zeros."""
    if is_uniform(value):
        _single(value).print_without_type(printer)
    elif not value.is_splat():
        value.print_without_type(printer)
    else:
        printer.print_string(f'dense<"0x{value.data.data.hex().upper()}">')


def _single(value: DenseIntOrFPElementsAttr) -> DenseIntOrFPElementsAttr:
    """One element in place of many equal ones."""
    size = value.get_element_type().compile_time_size
    data = value.data.data
    return value if len(data) <= size else DenseIntOrFPElementsAttr(value.type, BytesAttr(data[:size]))
