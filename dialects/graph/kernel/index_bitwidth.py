"""The width of a GPU kernel's indices, which a `gpu.func` states as `graph.index_bitwidth = 32 : i64`."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation

from pullback.dialects.ir.diagnostics import UnsupportedError

INDEX_BITWIDTH = "graph.index_bitwidth"
"""The attribute of a `gpu.func` whose indices may be computed in so many bits, unsigned."""
WIDTHS = (32, 64)


def index_bitwidth(bits: int) -> IntegerAttr:
    """The attribute's value."""
    return IntegerAttr(bits, i64)


def bitwidth_of(kernel: Operation) -> int:
    """The width of the indices of a `gpu.func`: 64 bits, unless it says otherwise.

    Raises:
        UnsupportedError: it says what no target has.
    """
    attribute = kernel.attributes.get(INDEX_BITWIDTH)
    if attribute is None:
        return 64
    if not isinstance(attribute, IntegerAttr) or attribute.value.data not in WIDTHS:
        raise UnsupportedError(f"{INDEX_BITWIDTH} is {attribute}; expected 32 : i64 or 64 : i64", kernel)
    return attribute.value.data
