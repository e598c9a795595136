"""The model of a kernel: the examples that `kernel_model`, `merge_dims` and `line_reductions` open with."""

from __future__ import annotations

import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.ir.source import parse
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.nodes import Compute, Load, Reduce
from pullback.passes.lowering.space import schedule_of


def model_of(kernel: str, schedule: str, operands: list[str], results: list[str]) -> KernelModel:
    """The model of a kernel of this region, whose arguments are %0, %1, … and whose last line yields."""
    types, made = ", ".join(operands), ", ".join(results)
    arguments = ", ".join(f"%a{i}: {type_}" for i, type_ in enumerate(operands))
    region = ", ".join(f"%{i}: {type_}" for i, type_ in enumerate(operands))
    names = ", ".join(f"%r{i}" for i in range(len(results)))
    text = f"""
    func.func @main({arguments}) -> ({made}) {{
      {names} = graph.kernel {", ".join(f"%a{i}" for i in range(len(operands)))} schedule<{schedule}>
          : ({types}) -> ({made}) {{
      ^bb0({region}):
        {kernel}
      }}
      func.return {names} : {made}
    }}"""
    op = next(op for op in parse(context(), text).module.walk() if isinstance(op, Kernel))
    return KernelModel.of(op, schedule_of(op))


def test_nodes_of_a_sum_of_rows() -> None:
    model = model_of(
        """%2 = graph.add %0, %1 : (tensor<4x5xf32>, tensor<4x1xf32>) -> tensor<4x5xf32>
        %3 = graph.sum %2 {axes = array<i64: 1>} : (tensor<4x5xf32>) -> tensor<4xf32>
        graph.yield %3 : tensor<4xf32>""",
        "kind = rows, parallel = [4], reduce = [5]",
        ["tensor<4x5xf32>", "tensor<4x1xf32>"],
        ["tensor<4xf32>"],
    )
    (output,) = model.outputs
    assert output.offset == Affine((1, 0))
    reduction = output.node
    assert isinstance(reduction, Reduce)
    assert (type(reduction.op), reduction.over, reduction.dims) == (Sum, {1}, {0})
    (terms,) = reduction.operands
    assert isinstance(terms, Compute)
    assert type(terms.op) is Add
    x, b = terms.operands
    assert isinstance(x, Load)
    assert isinstance(b, Load)
    assert (x.argument, x.offset, b.argument, b.offset) == (0, Affine((5, 1)), 1, Affine((1, 0)))
    assert model.nodes == [x, b, terms, reduction]


@pytest.mark.parametrize(
    ("b", "extents", "of_x", "of_b"),
    [
        ("tensor<5x6xf32>", (4, 30), (30, 1), (0, 1)),
        ("tensor<4x5x6xf32>", (120,), (1,), (1,)),
        ("tensor<4x1x6xf32>", (4, 5, 6), (30, 6, 1), (6, 0, 1)),
        ("tensor<1x5x1xf32>", (4, 5, 6), (30, 6, 1), (0, 1, 0)),
        ("tensor<1xf32>", (120,), (1,), (0,)),
    ],
)
def test_dims_that_every_access_runs_through_are_one(
    b: str, extents: tuple[int, ...], of_x: tuple[int, ...], of_b: tuple[int, ...]
) -> None:
    model = model_of(
        f"""%2 = graph.add %0, %1 : (tensor<4x5x6xf32>, {b}) -> tensor<4x5x6xf32>
        graph.yield %2 : tensor<4x5x6xf32>""",
        "kind = pointwise, parallel = [4, 5, 6]",
        ["tensor<4x5x6xf32>", b],
        ["tensor<4x5x6xf32>"],
    )
    merged = merge_dims(model)
    assert merged.space.extents == extents
    assert [load.offset.coefficients for load in merged.loads] == [of_x, of_b]
    assert merged.outputs[0].offset.coefficients == of_x


def test_reductions_of_lines_by_what_they_run_over() -> None:
    model = model_of(
        """%s = graph.sum %0 {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32>
        %t = graph.sum %0 {axes = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
        %u = graph.sum %0 {axes = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
        graph.yield %s, %t, %u : tensor<4xf32>, tensor<8xf32>, tensor<f32>""",
        "kind = rows, parallel = [4], reduce = [8]",
        ["tensor<4x8xf32>"],
        ["tensor<4xf32>", "tensor<8xf32>", "tensor<f32>"],
    )
    found = LineReductions.of(model.nodes, model.space.inner)
    of_line, across, of_all = (output.node for output in model.outputs)
    assert (found.across, found.single) == ([across], [of_all])
    assert found.along == [of_line, *of_all.operands]
    assert found.along_at(0) == found.along
    assert found.along_at(1) == []
