"""Cases of custom gradients."""

from __future__ import annotations

from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case

X, V = "tensor<2x3xf32>", "tensor<3xf32>"


def with_its_own_gradient(x: Tensor, k: Tensor) -> Tensor:
    """x * x * k, whose gradient with respect to x is in the region."""
    op = CustomGradient.over([(x * x * k).value], [x.value], [k.value])
    insert(op)
    block = op.backward.block
    with inserting(block.add_op):
        op.finish([2.0 * Tensor(block.args[0]) * x * k])
    return Tensor(op.results[0])


CASES: dict[str, list[Case]] = {
    "graph.custom_gradient": [
        Case(("3xf64", "f64"), with_its_own_gradient, lambda x, k: x * x * k),
        Case(("?x2xf64", "f64"), with_its_own_gradient, lambda x, k: x * x * k),
    ],
}

BROKEN = [
    (
        "custom_c1",
        f"%x: {X}, %v: {V}",
        f"""graph.custom_gradient of (%x) wrt (%v) : ({X}, {V}) -> {X} {{
      ^bb0(%dy: {V}):
        graph.yield %dy : {V}
      }}""",
    ),
    (
        "custom_c3",
        f"%x: {X}, %v: {V}",
        f"""graph.custom_gradient of (%x) wrt (%v) {{gradient_of = array<i64: 1>}} : ({X}, {V}) -> {X} {{
      ^bb0(%dy: {X}):
        graph.yield %v : {V}
      }}""",
    ),
    (
        "custom_c4",
        f"%x: {X}, %v: {V}",
        f"""graph.custom_gradient of (%x) wrt (%v) : ({X}, {V}) -> {X} {{
      ^bb0(%dy: {X}):
        graph.yield %dy : {X}
      }}""",
    ),
]
