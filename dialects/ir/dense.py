"""Dense elements attributes in one canonical form: splats as one element, truth values as 0 and 1, exact bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    BytesAttr,
    ComplexType,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
)
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
    """Prints `dense<...>` without its type; as bytes what xDSL would print or read as other numbers.

    To it -0.0 equals 0.0, and 0x7F800000, which is infinity, is a whole number.
    """
    uniform = is_uniform(value)
    shown = _single(value) if uniform else value
    if (uniform or not value.is_splat()) and _is_finite(shown):
        shown.print_without_type(printer)
    else:
        printer.print_string(f'dense<"0x{shown.data.data.hex().upper()}">')


_EXPONENTS: dict[type[Attribute], tuple[str, int]] = {
    Float16Type: ("<u2", 0x7C00),
    BFloat16Type: ("<u2", 0x7F80),
    Float32Type: ("<u4", 0x7F800000),
    Float64Type: ("<u8", 0x7FF0000000000000),
}
"""The words of a dtype, and the bits that are all set where a number is infinite or NaN."""


def _is_finite(value: DenseIntOrFPElementsAttr) -> bool:
    """Tells whether no element is infinite or NaN."""
    element_type: Attribute = value.get_element_type()
    if isinstance(element_type, ComplexType):
        element_type = element_type.element_type
    if type(element_type) not in _EXPONENTS:
        return True
    word, exponent = _EXPONENTS[type(element_type)]
    words = np.frombuffer(value.data.data, word)
    return not bool(np.any(words & words.dtype.type(exponent) == exponent))


def _single(value: DenseIntOrFPElementsAttr) -> DenseIntOrFPElementsAttr:
    """Reduces a splat to one element."""
    size = value.get_element_type().compile_time_size
    data = value.data.data
    return value if len(data) <= size else DenseIntOrFPElementsAttr(value.type, BytesAttr(data[:size]))
