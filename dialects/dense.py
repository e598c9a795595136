"""Dense elements compared bit for bit: xDSL compares numbers, for which `[0.0, -0.0]` is `0.0` everywhere."""

from __future__ import annotations

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.printer import Printer


def is_uniform(value: DenseIntOrFPElementsAttr) -> bool:
    """Whether all elements have the same bits."""
    data = value.data.data
    size = value.get_element_type().compile_time_size
    return data == data[:size] * (len(data) // size)


def print_elements(value: DenseIntOrFPElementsAttr, printer: Printer) -> None:
    """`dense<...>` without its type; as bytes where xDSL would print only the first of several zeros."""
    if is_uniform(value) or not value.is_splat():
        value.print_without_type(printer)
    else:
        printer.print_string(f'dense<"0x{value.data.data.hex().upper()}">')
