"""32-bit indices: where no buffer, no bound of a loop and nothing that is divided is too large for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdsl.dialects.builtin import MemRefType, f32, i32
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.index_width import INDEX_BITWIDTH
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.point import Point
from pullback.passes.gpu.pointwise import pointwise
from pullback.passes.lowering.buffer_view import index_of
from pullback.passes.lowering.nodes import Load

LIMIT = 1 << 31


def is_narrow(kernel: GpuKernel) -> bool:
    return INDEX_BITWIDTH in kernel.function.attributes


def copied(extents: Sequence[int], size: int) -> GpuKernel:
    """x[i, j] to y[i, j], of buffers that hold so many elements, and a bias that makes the kernel divide."""
    offset, bias = Affine((extents[1], 1)), Affine((0, 1))
    parameters = [Parameter(f32, size, name) for name in ("x", "b", "y")]

    def body(point: Point) -> None:
        sum_ = point.load(point.inputs[0], offset) + point.load(point.inputs[1], bias)
        point.store(point.inputs[2], offset, sum_)

    return pointwise("copied", parameters, extents, body)


@pytest.mark.parametrize(
    ("extents", "size", "narrow"),
    [
        ((5, 7), 35, True),
        ((1 << 10, (1 << 21) - 1), LIMIT - 1024, True),
        ((5, 7), LIMIT, False),
        ((1 << 12, (1 << 21) - 1), LIMIT - 1, False),
        ((0, 5), 0, True),
    ],
)
def test_of_a_pointwise_kernel(extents: tuple[int, int], size: int, narrow: bool) -> None:
    assert is_narrow(copied(extents, size)) == narrow


@pytest.mark.parametrize(("bound", "step", "narrow"), [(1 << 30, 1, True), ((1 << 32) - 8, 8, False)])
def test_of_a_loop(bound: int, step: int, narrow: bool) -> None:
    builder = KernelBuilder("looped", [Parameter(f32, 9)], 32)

    def once(i: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
        at = builder.remainder(i, 9)
        builder.views[0].store(builder, builder.number(0, f32), [(at, 1)], 0)
        return []

    with builder.entering(builder.block):
        builder.loop((0, bound, step), "i", [], once)
    assert is_narrow(builder.finish(1)) == narrow


def test_rows_that_indices_name_are_in_a_buffer() -> None:
    """The row of an index may be any number until the check has chosen."""
    parameters = [Parameter(f32, 900, "x"), Parameter(i32, 50, "t"), Parameter(f32, 5000, "y")]

    def body(point: Point) -> None:
        row = Load(i32, argument=1, offset=Affine((1, 0)))
        picked = Load(f32, (row,), argument=0, offset=Affine((0, 1)), rows=9, row_stride=100)
        (value,) = point.values([picked])
        point.store(point.inputs[2], Affine((100, 1)), value)

    kernel = pointwise("picked", parameters, (50, 100), body)
    assert is_narrow(kernel)
    assert all(isinstance(a.type, MemRefType) for a in kernel.function.body.block.args)


def test_what_the_compiler_does_not_know_is_not_taken_for_small() -> None:
    """A loop whose bound is read from memory."""
    builder = KernelBuilder("unknown", [Parameter(i32, 9)], 32)

    def once(i: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
        builder.views[0].store(builder, builder.number(0, i32), [(builder.index(0), 1)], 0)
        return []

    with builder.entering(builder.block):
        bound = builder.views[0].load(builder, [], 0)
        number = index_of(bound)
        builder.loop_between((builder.index(0), number, builder.index(1)), "i", [], once)
    assert not is_narrow(builder.finish(1))
