"""Each kind of node and each kind of kernel, on each target: NumPy's values, or a reason why there are none yet.

Nodes, kinds and targets are listed from the code: what one target does not know cannot be forgotten.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import KINDS
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import lowered
from pullback.driver.targets.registry import targets
from pullback.passes.lowering import nodes
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import (
    Compute,
    Contraction,
    Coordinate,
    Fixed,
    IdentityElement,
    Load,
    Node,
    Reduce,
    Rounded,
    Scanned,
)
from pullback.passes.lowering.space import schedule_of
from pullback.tests.targets import COMPILED

Array = npt.NDArray[Any]
TARGETS = [name for name in COMPILED if "kernels" in targets()[name].levels]
"""The targets that kernels are lowered for."""
NODE_KINDS: list[type[Node]] = [
    # `Node.__subclasses__()` may still hold classes that dataclasses with slots have replaced.
    *(k for k in vars(nodes).values() if isinstance(k, type) and issubclass(k, Node) and k is not Node)
]
EYE = ", ".join(str([float(i == j) for j in range(5)]) for i in range(5))

NODES: dict[type[Node], str] = {
    Fixed: """
      %f = graph.fill {value = 2.0 : f32} : tensor<4x5xf32>
      %y = graph.add %x, %f : tensor<4x5xf32>""",
    Load: "%y = graph.gather %x, %t : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4x5xf32>",
    IdentityElement: f"""
      %c = graph.constant dense<[{EYE}]> : tensor<5x5xf32>
      %h = graph.gather %c, %t : (tensor<5x5xf32>, tensor<4xi32>) -> tensor<4x5xf32>
      %y = graph.multiply %h, %x : tensor<4x5xf32>""",
    Coordinate: """
      %s = graph.constant dense<[1, 2]> : tensor<2xi64>
      %u = graph.random_uniform %s : (tensor<2xi64>) -> tensor<4x5xf32>
      %y = graph.add %x, %u : tensor<4x5xf32>""",
    Compute: "%y = graph.tanh %x : tensor<4x5xf32>",
    Reduce: """
      %s = graph.sum %x {axes = array<i64: 1>, keepdims} : (tensor<4x5xf32>) -> tensor<4x1xf32>
      %y = graph.subtract %x, %s : (tensor<4x5xf32>, tensor<4x1xf32>) -> tensor<4x5xf32>""",
    Contraction: """
      %w = graph.fill {value = 0.5 : f32} : tensor<5x5xf32>
      %y = graph.matmul %x, %w : (tensor<4x5xf32>, tensor<5x5xf32>) -> tensor<4x5xf32>""",
    Rounded: """
      %h = graph.cast %x : (tensor<4x5xf32>) -> tensor<4x5xf16>
      %y = graph.cast %h : (tensor<4x5xf16>) -> tensor<4x5xf32>""",
    Scanned: "%y = graph.cumsum %x {axis = 1 : i64, reverse} : tensor<4x5xf32>",
}
"""A graph whose kernel holds such a node."""

KERNELS: dict[str, tuple[str, str]] = {
    "pointwise": ("parallel = [4, 5]", "%y = graph.multiply %0, %0 : tensor<4x5xf32>"),
    "rows": (
        "parallel = [4], reduce = [5]",
        """%s = graph.sum %0 {axes = array<i64: 1>, keepdims} : (tensor<4x5xf32>) -> tensor<4x1xf32>
      %y = graph.subtract %0, %s : (tensor<4x5xf32>, tensor<4x1xf32>) -> tensor<4x5xf32>""",
    ),
    "columns": (
        "parallel = [5], reduce = [4]",
        """%s = graph.sum %0 {axes = array<i64: 0>} : (tensor<4x5xf32>) -> tensor<5xf32>
      %y = graph.subtract %0, %s : (tensor<4x5xf32>, tensor<5xf32>) -> tensor<4x5xf32>""",
    ),
    "matmul": (
        "parallel = [4, 5], reduce = [5]",
        """%w = graph.fill {value = 0.5 : f32} : tensor<5x5xf32>
      %y = graph.matmul %0, %w : (tensor<4x5xf32>, tensor<5x5xf32>) -> tensor<4x5xf32>""",
    ),
    "scatter": (
        "parallel = [4, 5]",
        """%r = graph.negative %0 : tensor<4x5xf32>
      %s = graph.make_slices %r, %1 : (tensor<4x5xf32>, tensor<4xi32>)
          -> !graph.slices<tensor<4x5xf32>, tensor<4xi32>, tensor<4x5xf32>>
      %d = graph.densify %s : (!graph.slices<tensor<4x5xf32>, tensor<4xi32>, tensor<4x5xf32>>) -> tensor<4x5xf32>
      %y = graph.add %0, %d : tensor<4x5xf32>""",
    ),
    "concat": (
        "parallel = [4, 5]",
        """%a = graph.strided_slice %0 {begin = array<i64: 0, 2>, end = array<i64: 4, 5>, strides = array<i64: 1, 1>}
          : (tensor<4x5xf32>) -> tensor<4x3xf32>
      %b = graph.strided_slice %0 {begin = array<i64: 0, 0>, end = array<i64: 4, 2>, strides = array<i64: 1, 1>}
          : (tensor<4x5xf32>) -> tensor<4x2xf32>
      %y = graph.concat %a, %b {axis = 1 : i64} : (tensor<4x3xf32>, tensor<4x2xf32>) -> tensor<4x5xf32>""",
    ),
    "scan": ("parallel = [4, 5]", "%y = graph.cumprod %0 {axis = 0 : i64, exclusive} : tensor<4x5xf32>"),
}
"""For each kind the extents of a kernel, and its region."""

NOT_YET: dict[tuple[type[Node] | str, str], str] = {}
"""What a target has no code for, and what it says of it."""


def graph_with(kind: type[Node]) -> ModuleOp:
    text = f"""
    func.func @main(%x: tensor<4x5xf32>, %t: tensor<4xi32>) -> tensor<4x5xf32> {{
      {NODES[kind]}
      func.return %y : tensor<4x5xf32>
    }}"""
    return parse(context(), text).module


def kernel_of(kind: str) -> ModuleOp:
    extents, region = KERNELS[kind]
    text = f"""
    func.func @main(%x: tensor<4x5xf32>, %t: tensor<4xi32>) -> tensor<4x5xf32> {{
      %k = graph.kernel %x, %t schedule<kind = {kind}, {extents}>
          : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4x5xf32> {{
      ^bb0(%0: tensor<4x5xf32>, %1: tensor<4xi32>):
      {region}
      graph.yield %y : tensor<4x5xf32>
      }}
      func.return %k : tensor<4x5xf32>
    }}"""
    return parse(context(), text).module


def check(program: ModuleOp, what: type[Node] | str, target: str) -> None:
    """Asserts that a target computes what NumPy does, or says what it has no code for."""
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    inputs = [x, np.array([3, -1, 0, 7], np.int32)]
    run = compile_function(program, target)
    lowered_for = "simt" if target == "fibers" else target  # both run level gpu
    if (what, lowered_for) in NOT_YET:
        with pytest.raises(DiagnosticError, match=NOT_YET[what, lowered_for]):
            run(inputs, {})
        return
    (expected,) = compile_function(program, "numpy")(inputs, {})
    np.testing.assert_allclose(run(inputs, {})[0], expected, rtol=1e-5, atol=1e-6)


def test_there_are_targets_with_loops_and_with_threads() -> None:
    assert {"cpu", "simt", "fibers"} <= set(TARGETS)


@pytest.mark.parametrize("kind", NODE_KINDS)
def test_the_graph_holds_the_node(kind: type[Node]) -> None:
    kernels = [op for op in lowered(graph_with(kind), "kernels").walk() if isinstance(op, Kernel)]
    assert any(isinstance(n, kind) for k in kernels for n in KernelModel.of(k, schedule_of(k)).nodes)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", NODE_KINDS)
def test_the_node_is_lowered(kind: type[Node], target: str) -> None:
    check(graph_with(kind), kind, target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_is_lowered(kind: str, target: str) -> None:
    check(kernel_of(kind), kind, target)


def test_reasons_are_of_what_there_is() -> None:
    assert {what for what, _ in NOT_YET} <= {*NODE_KINDS, *KINDS}
    assert {target for _, target in NOT_YET} <= set(TARGETS)
