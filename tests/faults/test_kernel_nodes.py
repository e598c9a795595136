"""Kinds of nodes that one lowering of kernels knew and the other did not: rows of an identity matrix on GPUs.

Each kind of node, in each target: the evaluator's values, or a diagnostic that says what there is no kernel for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import ModuleOp

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.driver.pipelines import lowered
from pullback.driver.program import compile_function
from pullback.passes.lowering import nodes
from pullback.passes.lowering.nodes import Compute, Contraction, Fixed, Load, Node, OneHot, Reduce, cone
from pullback.passes.lowering.outputs import outputs_of
from pullback.passes.lowering.space import Space, schedule_of

Array = npt.NDArray[Any]
EYE = ", ".join(str([float(i == j) for j in range(5)]) for i in range(5))
NODES: dict[type[Node], str] = {
    Fixed: """
      %f = graph.fill {value = 2.0 : f32} : tensor<4x5xf32>
      %y = graph.add %x, %f : tensor<4x5xf32>""",
    Load: "%y = graph.gather %x, %t : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4x5xf32>",
    OneHot: f"""
      %c = graph.constant dense<[{EYE}]> : tensor<5x5xf32>
      %h = graph.gather %c, %t : (tensor<5x5xf32>, tensor<4xi32>) -> tensor<4x5xf32>
      %y = graph.multiply %h, %x : tensor<4x5xf32>""",
    Compute: "%y = graph.tanh %x : tensor<4x5xf32>",
    Reduce: """
      %s = graph.sum %x {axes = array<i64: 1>, keepdims} : (tensor<4x5xf32>) -> tensor<4x1xf32>
      %y = graph.subtract %x, %s : (tensor<4x5xf32>, tensor<4x1xf32>) -> tensor<4x5xf32>""",
    Contraction: """
      %w = graph.fill {value = 0.5 : f32} : tensor<5x5xf32>
      %y = graph.matmul %x, %w : (tensor<4x5xf32>, tensor<5x5xf32>) -> tensor<4x5xf32>""",
}
"""A program whose kernel holds such a node."""
NO_KERNEL: dict[tuple[type[Node], str], str] = {(Contraction, "simt"): "no GPU kernel of kind 'matmul' yet"}


def module_with(kind: type[Node]) -> ModuleOp:
    text = f"""
    func.func @main(%x: tensor<4x5xf32>, %t: tensor<4xi32>) -> tensor<4x5xf32> {{
      {NODES[kind]}
      func.return %y : tensor<4x5xf32>
    }}"""
    return parse(context(), text).module


def test_every_kind_has_a_program() -> None:
    # `Node.__subclasses__()` may still hold classes that dataclasses with slots have replaced.
    kinds = {k for k in vars(nodes).values() if isinstance(k, type) and issubclass(k, Node) and k is not Node}
    assert set(NODES) == kinds


@pytest.mark.parametrize("kind", NODES)
def test_the_program_holds_the_node(kind: type[Node]) -> None:
    kernels = [op for op in lowered(module_with(kind), "kernels").walk() if isinstance(op, Kernel)]
    outputs = [o for k in kernels for o in outputs_of(Space.of(k, schedule_of(k)))[1]]
    assert any(isinstance(node, kind) for node in cone([o.node for o in outputs]))


@pytest.mark.parametrize("target", ["cpu", "simt"])
@pytest.mark.parametrize("kind", NODES)
def test_the_node_is_lowered(kind: type[Node], target: str) -> None:
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    inputs = [x, np.array([3, -1, 0, 7], np.int32)]
    run = compile_function(module_with(kind), target)
    if (kind, target) in NO_KERNEL:
        with pytest.raises(DiagnosticError, match=NO_KERNEL[kind, target]):
            run(inputs, {})
        return
    (expected,) = compile_function(module_with(kind), "numpy")(inputs, {})
    np.testing.assert_allclose(run(inputs, {})[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.matrix(12)
@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
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


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
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
