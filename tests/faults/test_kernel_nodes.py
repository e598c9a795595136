"""Cases that one lowering of kernels computed and the other did not: rows of an identity matrix, totals across lines.

`tests/lowering/test_nodes_and_kinds.py` has each kind of node and of kernel on each target.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.program import compile_function
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes


@pytest.mark.matrix(12)
@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64"])
@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_rows_of_an_identity(target: str, dtype: str, index: str, axis: int | None) -> None:
    """Element by element, and in kernels that reduce along each axis; an index out of range names a row of zeros."""
    rows = np.array([4, 0, 5, -1, 2, 2**31 - 1], np.int64 if index == "i64" else np.int32)
    numpy_dtype = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64}[dtype]
    x = np.arange(30).reshape(6, 5).astype(numpy_dtype)
    with pb.Graph():
        t, p = pb.placeholder(index, (6,)), pb.placeholder(dtype, (6, 5))
        picked = pb.gather(pb.constant(np.eye(5, dtype=numpy_dtype)), t) * p
        step = pb.compile([t, p], picked if axis is None else pb.sum(picked, axis=axis), target=target)
    expected = np.where(rows[:, None] == np.arange(5), x, 0)
    np.testing.assert_array_equal(step(rows, x), expected if axis is None else expected.sum(axis=axis))


def total_over_lines(axis: int, lines: int, points: int) -> str:
    """A kernel whose lines run along `axis`; it adds up, over all lines, what does not change along them."""
    extents = [lines, points] if axis else [points, lines]
    x, line, point = (
        f"tensor<{'x'.join(str(1 if d == one else n) for d, n in enumerate(extents))}xf32>"
        for one in (None, axis, 1 - axis)
    )
    return f"""
    func.func @main(%x: {x}, %b: {line}, %p: {point}) -> ({line}, {point}, {point}) {{
      %0, %1, %2 = graph.kernel %x, %b, %p schedule<kind = {"rows" if axis else "columns"},
          parallel = [{lines}], reduce = [{points}]>
          : ({x}, {line}, {point}) -> ({line}, {point}, {point}) {{
      ^bb0(%3: {x}, %4: {line}, %5: {point}):
        %sum = graph.sum %3 {{axes = array<i64: {axis}>, keepdims}} : ({x}) -> {line}
        %one = graph.fill {{value = 1.0 : f32}} : {x}
        %same = graph.multiply %one, %4 : ({x}, {line}) -> {x}
        %total = graph.sum %same {{axes = array<i64: {1 - axis}>, keepdims}} : ({x}) -> {point}
        %y = graph.add %total, %5 : {point}
        graph.yield %sum, %total, %y : {line}, {point}, {point}
      }}
      func.return %0, %1, %2 : {line}, {point}, {point}
    }}"""


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
@pytest.mark.parametrize(("lines", "points"), [(2, 4), (4, 2), (70, 300), (300, 1), (1, 5), (0, 5)])
@pytest.mark.parametrize("axis", [0, 1])
def test_totals_over_lines_of_what_does_not_change_along_them(
    axis: int, lines: int, points: int, target: str
) -> None:
    """There is one such total, stored at each point: an assertion of the lowering to GPU kernels failed."""
    rng = np.random.default_rng(0)
    shapes = (lines, points), (lines, 1), (1, points)
    x, b, p = (rng.normal(size=s if axis else s[::-1]).astype(np.float32) for s in shapes)
    run = compile_function(parse(context(), total_over_lines(axis, lines, points)).module, target)
    got = run([x, b, p], {})
    total = np.full_like(p, b.sum())
    for found, expected in zip(got, (x.sum(axis=axis, keepdims=True), total, total + p), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("level", ["loops", "gpu"])
@pytest.mark.parametrize(
    ("rows", "bound"), [(2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (5 * 10**9, -(2**31))]
)
def test_more_rows_than_an_index_can_name(rows: int, bound: int, level: str) -> None:
    """The CPU's lowering compared i32 indices with the number of rows in i32, which holds no number beyond 2**32."""
    module = parse(
        context(),
        f"""
        func.func @main(%x: tensor<{rows}x2xf32>, %t: tensor<4xi32>) -> tensor<4x2xf32> {{
          %y = graph.gather %x, %t : (tensor<{rows}x2xf32>, tensor<4xi32>) -> tensor<4x2xf32>
          func.return %y : tensor<4x2xf32>
        }}""",
    ).module
    run_passes(context(), module, parse_passes(f"kernels,{level}"))
    text = print_module(module)
    (name,) = re.findall(r"arith.cmpi ult, %\w+, (%\w+) : i32", text)
    assert re.search(rf"{name} = arith.constant {bound} : i32", text)
