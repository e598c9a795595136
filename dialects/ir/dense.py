"""Dense elements attributes in one canonical form: splats as one element, truth values as 0 and 1, exact bits."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, IntegerType
from xdsl.ir import Attribute
from xdsl.printer import Printer

_TRUTH = bytes([0, *[1] * 255])
"""The translation table from any byte to the truth value 0 or 1."""


def dense_elements(type_: Any, data: bytes) -> DenseIntOrFPElementsAttr:
    """Builds the dense attribute of a static shaped type from the bytes of all its elements, or of one (a splat).

    Equal elements give equal attributes: any byte but 0 is the truth value 1, and elements that are all the same are
    kept as a splat, whatever the shape.
    """
    element_type: Attribute = type_.get_element_type()
    if isinstance(element_type, IntegerType) and element_type.width.data == 1:
        data = data.translate(_TRUTH)
    size = element_type.compile_time_size  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    return DenseIntOrFPElementsAttr(type_, BytesAttr(data[:size] if _repeats(data, size) else data))  # pyright: ignore[reportUnknownArgumentType]


def is_uniform(value: DenseIntOrFPElementsAttr) -> bool:
    """Tells whether all elements have the same bits (a splat)."""
    return _repeats(value.data.data, value.get_element_type().compile_time_size)


def _repeats(data: bytes, size: int) -> bool:
    if data[:size] != data[-size:]:  # nearly always enough, and cheap
        return False
    view = memoryview(data)
    return view[size:] == view[: max(0, len(data) - size)]


def print_elements(value: DenseIntOrFPElementsAttr, printer: Printer) -> None:
    """Prints `dense<...>` without its type; as bytes where xDSL, to which -0.0 equals 0.0, would lose a sign."""
    if is_uniform(value):
        _single(value).print_without_type(printer)
    elif not value.is_splat():
        value.print_without_type(printer)
    else:
        printer.print_string(f'dense<"0x{value.data.data.hex().upper()}">')


def _single(value: DenseIntOrFPElementsAttr) -> DenseIntOrFPElementsAttr:
    """Reduces a splat to one element."""
    size = value.get_element_type().compile_time_size
    data = value.data.data
    return value if len(data) <= size else DenseIntOrFPElementsAttr(value.type, BytesAttr(data[:size]))
