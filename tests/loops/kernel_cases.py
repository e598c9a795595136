"""Single kernels, built from Python, and run three ways: evaluated, interpreted as loops, and as native code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Region

from pullback.backends.cpu.runtime import compile_module
from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import CpuTuning, Schedule, ScheduleAttr
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype, tensor_type
from pullback.dialects.verification import verify
from pullback.passes.kernels.check.check_schedule import check_means, check_schedule
from pullback.passes.loops.loop_kernels import loop_kernel
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature

Array = NDArray[Any]
Body = Callable[..., Sequence[Tensor]]
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-12}
DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "i1": np.bool_}


def schedule(kind: str, parallel: Sequence[int], reduce: Sequence[int] = (), **numbers: Any) -> ScheduleAttr:
    """A schedule attribute; `numbers` are tuned for CPUs, such as `unroll=4` and `tile=(6, 16)`."""
    return ScheduleAttr(Schedule(kind, tuple(parallel), tuple(reduce), CpuTuning(**numbers)))


def kernel_function(
    schedule: ScheduleAttr, arrays: Sequence[Array], body: Body
) -> tuple[func.FuncOp, Kernel]:
    """A function of level `kernels` that consists of one kernel: `body` on the arrays."""
    types = [tensor_type(element_type_from(a.dtype), a.shape) for a in arrays]
    region = Block(arg_types=types)
    with inserting(region.add_op):
        results = [t.value for t in body(*map(Tensor, region.args))]
    region.add_op(Yield.create(operands=results))
    outer = Block(arg_types=types)
    kernel = Kernel.create(
        operands=list(outer.args),
        result_types=[v.type for v in results],
        properties={"schedule": schedule},
        regions=[Region(region)],
    )
    outer.add_ops([kernel, func.ReturnOp(*kernel.results)])
    return func.FuncOp("main", (types, [v.type for v in results]), Region(outer)), kernel


def lowered(kernel: Kernel, bits: int, in_place: dict[int, int]) -> tuple[LoweredKernel, ModuleOp]:
    """The kernel's function as a module of its own; `in_place` maps results to the operands that they replace."""
    inputs = [("input", i) for i in range(len(kernel.operands))]
    outputs = [inputs[in_place[i]] if i in in_place else ("output", i) for i in range(len(kernel.results))]
    made = loop_kernel(Signature(kernel, "main", inputs, outputs), bits)
    (function,) = made.code[0].operations
    function.properties.pop("sym_visibility", None)
    module = ModuleOp([*(make(symbol) for symbol, make in made.shared.items()), function])
    verify(module)
    return made, module


def check(
    schedule: ScheduleAttr,
    arrays: Sequence[Array],
    body: Body,
    *,
    bits: int = 256,
    in_place: dict[int, int] | None = None,
    native: bool = True,
) -> None:
    """Asserts that the loops compute what the evaluator does, interpreted and as native code."""
    function, kernel = kernel_function(schedule, arrays, body)
    verify(ModuleOp([function]))
    check_schedule(kernel)
    check_means(kernel, "cpu")
    expected = evaluate(function, arrays)
    in_place = in_place or {}
    made, module = lowered(kernel, bits, in_place)

    def run(execute: Callable[[Sequence[Array], Sequence[int]], None]) -> None:
        buffers: list[Array] = []
        undefined: list[int] = []
        for position, ((kind, number), type_) in enumerate(made.arguments):
            shape = type_.get_shape()
            if kind == "input":
                buffers.append(np.array(arrays[int(number)]).reshape(shape))
                continue
            undefined.append(position)
            dtype = expected[int(number)].dtype if kind == "output" else numpy_dtype(type_.element_type)
            buffers.append(np.full(shape, 1, dtype))
        execute(buffers, undefined)
        by_place = {place: b for (place, _), b in zip(made.arguments, buffers, strict=True)}
        for i, wanted in enumerate(expected):
            place = ("input", in_place[i]) if i in in_place else ("output", i)
            tolerance = TOLERANCE.get(wanted.dtype, 0)
            np.testing.assert_allclose(
                by_place[place].reshape(wanted.shape),
                wanted,
                rtol=tolerance,
                atol=tolerance,
                err_msg=f"result {i}",
            )

    run(lambda buffers, undefined: interpret(module, buffers, undefined=undefined))
    if native:
        executable = compile_module(module)
        run(lambda buffers, undefined: executable(*buffers))


def sample(shape: Sequence[int], dtype: str = "f32", seed: int = 0) -> Array:
    """Random values: some of each sign, small enough for sums of products in every dtype."""
    generator = np.random.default_rng((seed, *shape))
    if dtype == "i1":
        return generator.integers(0, 2, shape).astype(np.bool_)
    if dtype.startswith("i"):
        return generator.integers(-9, 10, shape).astype(DTYPES[dtype])
    return generator.uniform(-2, 2, shape).astype(DTYPES[dtype])
