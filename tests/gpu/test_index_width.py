"""32-bit indices: where no buffer, no bound of a loop and nothing that is divided is too large for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from xdsl.dialects.arith import ConstantOp
from xdsl.dialects.builtin import IndexType, IntegerAttr, MemRefType, ModuleOp, f32, i32
from xdsl.ir import Operation, SSAValue

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder
from pullback.backends.interpreter.execution_error import symbol_of
from pullback.backends.simt import emulator
from pullback.backends.simt.batch import Batch
from pullback.dialects.graph.kernel.index_bitwidth import INDEX_BITWIDTH
from pullback.dialects.graph.op.affine import Affine
from pullback.driver.run_pipeline import lowered_to
from pullback.driver.targets.registry import target_named
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.index_width import LargestValues
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.point import Point
from pullback.passes.gpu.point_kernels import kernel_of_points
from pullback.passes.lowering.buffer_view import index_of
from pullback.passes.lowering.nodes import Load
from pullback.tests.gpu import programs
from pullback.tests.gpu.points import Points, transposed
from pullback.tests.gpu.programs import Program
from pullback.tests.gpu.test_vectors import broadcast, flat

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

    return kernel_of_points("copied", parameters, extents, body)


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

    kernel = kernel_of_points("picked", parameters, (50, 100), body)
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


# ---- what is found to be the largest value is no smaller than any that occurs ---------------------------------


def recorded(
    module: ModuleOp, buffers: Sequence[np.ndarray], undefined: Sequence[int]
) -> dict[SSAValue, int]:
    """The largest value of each index in the kernels, in threads that compute it."""
    seen: dict[SSAValue, int] = {}

    def recording(build: StepBuilder) -> StepBuilder:
        def built(compiler: Compiler, op: Operation) -> Step:
            run, slots = build(compiler, op), [(v, compiler.slot(v)) for v in op.results]

            def step(batch: Environment) -> None:
                run(batch)
                assert isinstance(batch, Batch)
                for value, slot in slots:
                    if isinstance(value.type, IndexType):
                        seen[value] = max(seen.get(value, 0), int(batch.running(batch[slot]).max()))

            return step

        return built

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator, "_BUILDERS", {n: recording(b) for n, b in emulator._BUILDERS.items()})
        emulator.run(module, [b.copy() for b in buffers], undefined=undefined)
    return seen


def no_smaller(module: ModuleOp, buffers: Sequence[np.ndarray], undefined: Sequence[int]) -> None:
    seen = recorded(module, buffers, undefined)
    launches = [op for op in module.walk() if op.name == "gpu.launch_func"]
    found = 0
    for launch in launches:
        blocks, threads = (constant_of(launch.operands[at]) for at in (0, 3))
        name = launch.properties["kernel"].nested_references.data[0].data  # pyright: ignore[reportAttributeAccessIssue]
        kernel = next(op for op in module.walk() if op.name == "gpu.func" and symbol_of(op) == name)
        bounds = LargestValues(blocks, threads)
        for value, most in seen.items():
            owner = value.owner
            if isinstance(owner, Operation) and kernel.is_ancestor(owner):
                largest = bounds.largest(value)
                assert largest is None or largest >= most, (str(owner), largest, most)
                found += largest is not None
    assert found > 5


def constant_of(value: SSAValue) -> int:
    owner = value.owner
    assert isinstance(owner, ConstantOp) and isinstance(owner.value, IntegerAttr)
    return owner.value.value.data


@pytest.mark.parametrize(
    "build", [programs.tanh_chain, programs.transpose, programs.gather, programs.softmax]
)
def test_bounds_of_what_emitters_make(build: Callable[[], Program]) -> None:
    program = build()
    no_smaller(program.module, program.buffers, program.undefined)


@pytest.mark.parametrize(
    "points",
    [flat(603, "f32", 4), broadcast(9, 12, 4), transposed(37, 41, "f32", "stage = [0], tile = [32, 32]")],
)
def test_bounds_of_pointwise_kernels(points: Points) -> None:
    subject = lowered_to(points.module, target_named("simt").pipeline)
    arrays = points.arrays()
    *extents, _ = points.result.split("x")
    output = np.zeros([int(n) for n in extents], arrays[0].dtype)
    no_smaller(subject, [*arrays, output], [len(arrays)])
