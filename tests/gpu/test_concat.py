"""Concatenations on GPUs, and what is made of them: windows of convolutions and pools; all agree with NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import lowered
from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import finds, subject_of_graph
from pullback.tests.gpu.test_planted_faults import each

Array = npt.NDArray[Any]


def check(text: str, inputs: Sequence[Array], tolerance: float = 0) -> list[str]:
    """Asserts that simt computes what NumPy does; returns the kinds of the kernels."""
    module = lowered(parse(context(), text).module, "gradients,finish")
    expected = compile_function(module, "numpy")(inputs, {})
    step = compile_function(module, "simt")
    for got, wanted in zip(step(inputs, {}), expected, strict=True):
        np.testing.assert_allclose(got, wanted, tolerance, tolerance)
    kernels = [op.schedule for op in lowered(module, "kernels").walk() if isinstance(op, Kernel)]
    return [schedule.data.kind for schedule in kernels if schedule is not None]


def concatenation(shapes: Sequence[Sequence[int]], axis: int, dtype: str) -> str:
    """A function that joins its arguments."""
    types = ["x".join(map(str, (*shape, dtype))) for shape in shapes]
    whole = list(shapes[0])
    whole[axis] = sum(shape[axis] for shape in shapes)
    result = f"tensor<{'x'.join(map(str, (*whole, dtype)))}>"
    arguments = ", ".join(f"%x{i}: tensor<{t}>" for i, t in enumerate(types))
    names, pieces = ", ".join(f"%x{i}" for i in range(len(types))), ", ".join(f"tensor<{t}>" for t in types)
    return f"""
    func.func @main({arguments}) -> {result} {{
      %y = graph.concat {names} {{axis = {axis} : i64}} : ({pieces}) -> {result}
      func.return %y : {result}
    }}"""


def numbers(shape: Sequence[int], dtype: str = "f32", seed: int = 0) -> Array:
    """Whole numbers, or truth values."""
    return np.random.default_rng((seed, *shape)).integers(-2, 3, shape).astype(numpy_dtype(DTYPES[dtype]))


PIECES = [
    ([(3,), (5,)], 0),
    ([(1,), (1,), (1,)], 0),
    ([(4, 3), (4, 1), (4, 7)], 1),
    ([(2, 33), (0, 33), (31, 33)], 0),
    ([(0, 3), (0, 3)], 0),
    ([(2, 0), (2, 0)], 1),
    ([(2, 3, 5), (2, 1, 5)], 1),
]


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64", "i1"])
@pytest.mark.parametrize(("shapes", "axis"), PIECES, ids=str)
def test_pieces(shapes: list[tuple[int, ...]], axis: int, dtype: str) -> None:
    arrays = [numbers(shape, dtype, i) for i, shape in enumerate(shapes)]
    check(concatenation(shapes, axis, dtype), arrays)


def test_many_pieces() -> None:
    shapes = [(5, 1 + n % 3) for n in range(40)]
    check(concatenation(shapes, 1, "f32"), [numbers(shape, "f32", i) for i, shape in enumerate(shapes)])


@pytest.mark.parametrize(
    ("sizes", "launches"), [((3, 3, 3), 1), ((3, 600, 3), 2), ((1,) * 40, 1), ((300,) * 40, 2)]
)
def test_pieces_of_equally_many_blocks_are_joined(sizes: tuple[int, ...], launches: int) -> None:
    """Those of one element are one point; more than 32 make another kernel."""
    shapes = [(size,) for size in sizes]
    module = lowered(parse(context(), concatenation(shapes, 0, "f32")).module, "finish,kernels,gpu")
    assert sum(op.name == "gpu.launch_func" for op in module.walk()) == launches
    check(concatenation(shapes, 0, "f32"), [numbers(shape, "f32", i) for i, shape in enumerate(shapes)])


@pytest.mark.compiler
def test_faults_in_joined_pieces_are_found() -> None:
    subject = subject_of_graph(
        concatenation([(300,), (300,), (310,)], 0, "f32"),
        *(np.arange(size, dtype=np.float32) + 1000 * i for i, size in enumerate((300, 300, 310))),
    )
    for op in ("memref.load", "memref.store"):
        each(lambda: subject, op, lambda n, op=op: faults.index_off(op, n))
    each(lambda: subject, "arith.cmpi", faults.unmasked)
    each(lambda: subject, "scf.if", faults.always)
    finds(subject, faults.remove("memref.store", 1))


def test_pieces_that_are_computed_and_one_that_is_there_twice() -> None:
    check(
        """
        func.func @main(%x: tensor<4x6xf32>) -> tensor<15x6xf32> {
          %t = graph.negative %x : tensor<4x6xf32>
          %s = graph.strided_slice %x {begin = array<i64: 0, 5>, end = array<i64: 3, -7>, strides = array<i64: 1, -1>}
              : (tensor<4x6xf32>) -> tensor<3x6xf32>
          %z = graph.fill {value = 2.0 : f32} : tensor<4x6xf32>
          %y = graph.concat %t, %s, %z, %t {axis = 0 : i64}
              : (tensor<4x6xf32>, tensor<3x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<15x6xf32>
          func.return %y : tensor<15x6xf32>
        }""",
        [numbers((4, 6))],
    )


def test_the_result_takes_no_pieces_place() -> None:
    """Both pieces are read for the last time, and as large as the result may be."""
    check(
        """
        func.func @main(%x: tensor<6x4xf32>) -> tensor<6x4xf32> {
          %a = graph.negative %x : tensor<6x4xf32>
          %t = graph.strided_slice %a {begin = array<i64: 3, 0>, end = array<i64: 6, 4>, strides = array<i64: 1, 1>}
              : (tensor<6x4xf32>) -> tensor<3x4xf32>
          %u = graph.strided_slice %a {begin = array<i64: 0, 0>, end = array<i64: 3, 4>, strides = array<i64: 1, 1>}
              : (tensor<6x4xf32>) -> tensor<3x4xf32>
          %y = graph.concat %t, %u {axis = 0 : i64} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<6x4xf32>
          func.return %y : tensor<6x4xf32>
        }""",
        [numbers((6, 4))],
    )


# ---- windows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ['"SAME"', "array<i64: 0, 0, 0, 0>"], ids=["same", "none"])
@pytest.mark.parametrize(
    ("strides", "dilations"), [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 1))], ids=str
)
def test_convolutions_and_their_gradients(
    padding: str, strides: tuple[int, int], dilations: tuple[int, int]
) -> None:
    reach = [1 + 2 * d for d in dilations]
    rows, columns = (
        -(-n // s) if "SAME" in padding else -(-(n - r + 1) // s)
        for n, s, r in zip((7, 6), strides, reach, strict=True)
    )
    y = f"tensor<2x{rows}x{columns}x4xf32>"
    kinds = check(
        f"""
        func.func @main(%x: tensor<2x7x6x3xf32>, %f: tensor<3x3x3x4xf32>)
            -> ({y}, tensor<2x7x6x3xf32>, tensor<3x3x3x4xf32>) {{
          %c = graph.conv2d %x, %f {{strides = array<i64: {strides[0]}, {strides[1]}>,
              dilations = array<i64: {dilations[0]}, {dilations[1]}>, padding = {padding}}}
              : (tensor<2x7x6x3xf32>, tensor<3x3x3x4xf32>) -> {y}
          %y = graph.relu %c : {y}
          %dx, %df = graph.gradients of (%y) wrt (%x, %f)
              : ({y}, tensor<2x7x6x3xf32>, tensor<3x3x3x4xf32>) -> (tensor<2x7x6x3xf32>, tensor<3x3x3x4xf32>)
          func.return %y, %dx, %df : {y}, tensor<2x7x6x3xf32>, tensor<3x3x3x4xf32>
        }}""",
        [numbers((2, 7, 6, 3)), numbers((3, 3, 3, 4))],
    )
    assert kinds.count("matmul") >= 2


@pytest.mark.parametrize("kind", ["max_pool2d", "avg_pool2d"])
def test_pools_and_their_gradients(kind: str) -> None:
    check(
        f"""
        func.func @main(%x: tensor<2x7x6x3xf32>) -> (tensor<2x4x3x3xf32>, tensor<2x7x6x3xf32>) {{
          %y = graph.{kind} %x {{window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = "SAME"}}
              : (tensor<2x7x6x3xf32>) -> tensor<2x4x3x3xf32>
          %dx = graph.gradients of (%y) wrt (%x) : (tensor<2x4x3x3xf32>, tensor<2x7x6x3xf32>) -> tensor<2x7x6x3xf32>
          func.return %y, %dx : tensor<2x4x3x3xf32>, tensor<2x7x6x3xf32>
        }}""",
        [numbers((2, 7, 6, 3))],
        1e-6,
    )
