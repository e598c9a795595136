"""Loops over the panels of a block of a product's result, numbers within it, and memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import arith
from xdsl.ir import Attribute, SSAValue

from pullback.passes.loops.products.blocking import Blocking
from pullback.passes.loops.products.product_axes import Bounds
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, index_op, result_of
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.strided_layout import StridedLayout


def along(
    builder: CodeBuilder,
    lines: Blocking,
    first: SSAValue,
    body: Callable[[SSAValue, Sequence[SSAValue]], list[SSAValue]],
) -> None:
    """Loops over the panels of a block, the first of which is this one."""
    builder.loop_between((*panels_from(builder, lines, first), builder.index(1)), "panel", [], body)


def panels_from(builder: CodeBuilder, lines: Blocking, first: SSAValue) -> Bounds:
    """The panels of a block, the first of which is this one."""
    end = builder.sum_of([(first, 1)], lines.step, "end")
    return first, builder.at_most(end, lines.panels, "end") if lines.panels % lines.step else end


def within(builder: CodeBuilder, number: SSAValue, first: SSAValue) -> SSAValue:
    """The number of a panel, a row or a column within its block."""
    return result_of(index_op(arith.SubiOp, number, first), "within")


def on_stack(
    builder: FunctionBuilder, layout: StridedLayout, element_type: Attribute, name: str
) -> BufferView:
    """Memory of a block's own."""
    return BufferView(builder.on_stack(layout.shape, element_type, name), layout, element_type)
