"""Matrix products on GPUs: all sizes and strides, tiles, parts of sums, and what is fused, as NumPy computes them.

The numbers are whole and small, so that most results are exact whatever the order of additions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.simt.emulator import run
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.elementwise.basic import Maximum
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning, Schedule, ScheduleAttr
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.program import compile_function
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.kernels.check.check_schedule import check_means, check_schedule
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.tests.gpu.programs import launching
from pullback.tests.loops.kernel_cases import DTYPES, Array, Body, kernel_function
from pullback.tests.loops.test_matmul import BATCHES

Size = tuple[int, int, int]
"""M, K, N."""
TRANSPOSES = [(False, False), (False, True), (True, False), (True, True)]


def whole(shape: Sequence[int], dtype: str = "f32", seed: int = 0) -> Array:
    """Random whole numbers, some of each sign."""
    return np.random.default_rng((seed, *shape)).integers(-9, 10, shape).astype(DTYPES[dtype])


def schedule(parallel: Sequence[int], terms: int, **gpu: Any) -> ScheduleAttr:
    """The schedule of a product; `gpu` is tuned."""
    return ScheduleAttr(Schedule("matmul", tuple(parallel), (terms,), gpu=GpuTuning(**gpu)))


def lowered_product(kernel: Kernel, in_place: Mapping[int, int]) -> LoweredKernel:
    """The GPU kernels of a checked kernel; `in_place` maps results to the operands that they replace."""
    check_schedule(kernel)
    check_means(kernel, "gpu")
    inputs = [("input", i) for i in range(len(kernel.operands))]
    outputs = [inputs[in_place[i]] if i in in_place else ("output", i) for i in range(len(kernel.results))]
    return gpu_kernels(Signature(kernel, "k", inputs, outputs))


def check(
    schedule: ScheduleAttr,
    arrays: Sequence[Array],
    body: Body,
    in_place: Mapping[int, int] | None = None,
    rtol: float = 0,
) -> list[GpuKernel]:
    """Asserts that the kernels compute what the evaluator does, and returns them."""
    function, kernel = kernel_function(schedule, arrays, body)
    in_place = in_place or {}
    made = lowered_product(kernel, in_place)
    expected = evaluate(function, arrays)
    buffers: list[Array] = []
    for (kind, number), type_ in made.arguments:
        given = np.array(arrays[int(number)]).reshape(-1) if kind == "input" else None
        buffers.append(np.empty(type_.get_shape(), dtype_of(type_)) if given is None else given)
    undefined = [at for at, ((kind, _), _) in enumerate(made.arguments) if kind != "input"]
    run(program(made), buffers, undefined=undefined)
    by_place = {place: b for (place, _), b in zip(made.arguments, buffers, strict=True)}
    for i, wanted in enumerate(expected):
        got = by_place[("input", in_place[i]) if i in in_place else ("output", i)].reshape(wanted.shape)
        np.testing.assert_allclose(got, wanted, rtol, rtol, err_msg=f"result {i}")
    return [code for code in made.code if isinstance(code, GpuKernel)]


def program(made: LoweredKernel) -> ModuleOp:
    """A host function that takes the buffers of the kernels and launches them in turn."""
    return launching(made.code, [type_ for _, type_ in made.arguments])


def check_size(
    size: Size, transposes: tuple[bool, bool] = (False, False), dtype: str = "f32", **gpu: Any
) -> list[GpuKernel]:
    """Asserts that a product of this size is right."""
    m, k, n = size
    a, b = transposes
    arrays = [whole((k, m) if a else (m, k), dtype), whole((n, k) if b else (k, n), dtype, 1)]
    return check(schedule((m, n), k, **gpu), arrays, lambda x, y: [MatMul.product(x, y, a, b)])


# ---- sizes, strides, dtypes -----------------------------------------------------------------------------------

SIZES = [
    (1, 1, 1),
    (17, 17, 17),
    (31, 33, 32),
    (33, 31, 65),
    (64, 64, 64),
    (65, 63, 63),
    (1, 200, 70),
    (70, 9, 1),
]


@pytest.mark.parametrize("transposes", TRANSPOSES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sizes(size: Size, transposes: tuple[bool, bool]) -> None:
    check_size(size, transposes)


@pytest.mark.parametrize("dtype", ["f64", "i32", "i64"])
@pytest.mark.parametrize("size", [(3, 5, 4), (33, 40, 17)], ids=str)
def test_dtypes(size: Size, dtype: str) -> None:
    check_size(size, (True, False), dtype)
    check_size(size, (False, True), dtype, split=2, tile=(16, 16, 2))


@pytest.mark.parametrize("size", [(0, 3, 4), (4, 3, 0), (0, 0, 0)], ids=str)
def test_an_empty_result_launches_nothing(size: Size) -> None:
    assert [kernel.blocks for kernel in check_size(size)] == [0]


def test_a_product_without_terms_is_zero() -> None:
    check_size((5, 0, 3))


@pytest.mark.parametrize("transposes", [(False, True), (True, False)], ids=str)
@pytest.mark.parametrize("shapes", BATCHES, ids=str)
def test_batches(shapes: tuple[tuple[int, ...], tuple[int, ...]], transposes: tuple[bool, bool]) -> None:
    """Batches broadcast, with what rides on the products."""
    turned = [(*s[:-2], s[-1], s[-2]) if t else s for s, t in zip(shapes, transposes, strict=True)]
    arrays = [whole(s, "f32", i) for i, s in enumerate(turned)]
    batch = np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2])
    m, k, n = *shapes[0][-2:], shapes[1][-1]

    def body(x: Tensor, y: Tensor, bias: Tensor) -> list[Tensor]:
        return [Maximum.of(MatMul.product(x, y, *transposes) + bias, 0)]

    check(schedule((*batch, m, n), k), [*arrays, whole((n,), "f32", 2)], body)


TILES = [
    (64, 64, 16),
    (8, 8, 4),
    (1, 64, 8),
    (64, 1, 2),
    (16, 64, 1),
    (128, 32, 32),
    (128, 128, 8),
    (4, 16, 64),
]


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_tiles(tile: tuple[int, int, int]) -> None:
    check_size((65, 33, 70), tile=tile)
    check_size(
        (65, 33, 70),
        (True, True),
        tile=tile,
        threads=max(min(tile[0] * tile[1], 64), tile[0] * tile[1] // 64),
    )


@pytest.mark.parametrize("threads", [32, 64, 256, 1024])
def test_threads(threads: int) -> None:
    product, _ = check_size((20, 33, 70), threads=threads, split=2)
    assert product.threads == threads


def test_many_sums_of_few_parts() -> None:
    _, parts = check_size((256, 8, 130), split=2, tile=(64, 64, 4))
    assert (parts.threads, parts.blocks) == (256, 130)


@given(st.data())
def test_random_products(data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(0, 40)) for _ in range(3))
    tile = data.draw(st.sampled_from([(), *TILES]))
    most = max(-(-k // tile[2]), 1) if tile else 1
    split = data.draw(st.none() | st.integers(1, most)) if tile else None
    check_size((m, k, n), data.draw(st.sampled_from(TRANSPOSES)), tile=tile, split=split)


@pytest.mark.compiler
@pytest.mark.parametrize("dtype", ["f32", "f64", "i64"])
@pytest.mark.parametrize("size", [(65, 33, 70), (9, 70, 3), (5, 0, 3)], ids=str)
def test_cuda_text(size: Size, dtype: str) -> None:
    """A batch of products as text on fibers; the second factors are transposed."""
    m, k, n = size
    arrays = [whole((2, m, k), dtype), whole((2, n, k), dtype, 1)]
    function, _ = kernel_function(
        schedule((2, m, n), k, split=2 if k else 1, tile=(16, 32, 4)),
        arrays,
        lambda x, y: [MatMul.product(x, y, False, True) + 1],
    )
    (expected,) = evaluate(function, arrays)
    (found,) = compile_function(ModuleOp([function]), "fibers")(arrays, {})
    np.testing.assert_array_equal(found, expected)


# ---- what is fused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [1, 3])
def test_epilogue(split: int) -> None:
    """Bias, activation and its mask are computed where the product is stored; one output is one number."""

    def body(x: Tensor, w: Tensor, bias: Tensor, scale: Tensor, factor: Tensor) -> list[Tensor]:
        y = MatMul.product(x, w) * scale + bias * factor
        return [Maximum.of(y, 0), y > 0, y, factor + 1]

    arrays = [whole((19, 12)), whole((12, 21)), whole((21,)), whole((19, 1)), whole(())]
    kernels = check(schedule((19, 21), 12, split=split, tile=(16, 16, 4)), arrays, body)
    assert len(kernels) == 2 + (split > 1)


def test_operands_that_are_computed_as_they_are_copied() -> None:
    def body(x: Tensor, w: Tensor, scale: Tensor) -> list[Tensor]:
        return [MatMul.product(Tanh.of(x) * scale, w * 2, False, True)]

    arrays = [whole((34, 12)), whole((21, 12)), whole(())]
    check(schedule((34, 21), 12), arrays, body, rtol=1e-5)


def test_rows_that_indices_name() -> None:
    def body(table: Tensor, rows: Tensor, w: Tensor) -> list[Tensor]:
        return [MatMul.product(Gather.of(table, rows), w)]

    rows = np.array([3, -1, 0, 7, 8, 100, 2] * 3, np.int32)
    check(schedule((21, 6), 9), [whole((9, 9)), rows, whole((9, 6))], body)


@pytest.mark.parametrize("split", [1, 2])
def test_update_in_place(split: int) -> None:
    def body(w: Tensor, x: Tensor, dy: Tensor) -> list[Tensor]:
        return [w - MatMul.product(x, dy, True, False) * 0.5]

    arrays = [whole((9, 21)), whole((6, 9)), whole((6, 21))]
    check(schedule((9, 21), 6, split=split, tile=(16, 16, 2)), arrays, body, in_place={0: 0})


@pytest.mark.parametrize("split", [None, 1, 4])
def test_long_sums_are_accurate(split: int | None) -> None:
    """Blocks of at most 2048 terms are added up in higher precision, in parts or not: one sum is wrong by 3e-5."""
    arrays = [np.full((3, 4100), 0.1, np.float32), np.ones((4100, 2), np.float32)]
    check(schedule((3, 2), 4100, split=split), arrays, lambda x, y: [MatMul.product(x, y)], rtol=1e-5)


# ---- schedules ------------------------------------------------------------------------------------------------


WRONG: dict[str, dict[str, Any]] = {
    "tile is \\[64, 64\\]; expected powers of two: rows up to 256": {"tile": (64, 64)},
    "tile is \\[48, 64, 16\\]; expected powers of two": {"tile": (48, 64, 16)},
    "tile is \\[0, 64, 16\\]; expected for each a number from 1 to 1024": {"tile": (0, 64, 16)},
    "tile is \\[64, 64, 128\\]; .* terms up to 64": {"tile": (64, 64, 128)},
    "8 x 8 results is too small for 128 threads": {"tile": (8, 8, 4), "threads": 128},
    "128 x 64 results leaves 256 to each of 32 threads; expected at most 64": {
        "tile": (128, 64, 4),
        "threads": 32,
    },
    "\\[256, 256, 64\\] takes 131072 bytes of shared memory; expected at most 49152": {
        "tile": (256, 256, 64)
    },
    "split is 0; expected a number from 1 to 65535": {"split": 0},
    "split is 3; expected a number from 1 to 2: 33 terms fill 2 tiles of 32": {"split": 3},
    "vector says nothing to kind 'matmul' on GPUs; expected one of threads, split, tile": {"vector": 4},
}


@pytest.mark.parametrize("message", WRONG)
def test_schedules_that_do_not_fit(message: str) -> None:
    with pytest.raises(DiagnosticError, match=message):
        check_size((20, 33, 70), (True, False), **WRONG[message])
