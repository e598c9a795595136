"""Rewrites of one's own: `apply_folds`, and operators on tensors inside of patterns of xDSL."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

import pullback as pb
from pullback.benchmarks.rewriting import DoubleByAdding, double, graph
from pullback.benchmarks.rewriting import main as benchmark
from pullback.extend import GraphError, apply_folds, inserting_at, name_of
from pullback.extend.operations import Exp, Multiply, Tanh

PROGRAM = """
func.func @main(%x: tensor<3xf64>) -> tensor<3xf64> {
  %h = graph.tanh %x {device = "gpu"} : tensor<3xf64> loc("layer/tanh")
  %y = graph.multiply %h, %h : tensor<3xf64>
  func.return %y : tensor<3xf64>
}
"""
X = np.array([-1.0, 0.5, 2.0])


def by_exp(x: pb.Tensor) -> pb.Tensor:
    e = pb.exp(x * 2.0)
    return (e - 1.0) / (e + 1.0)


def tanh_fold(op: Tanh) -> pb.Tensor:
    return by_exp(pb.Tensor(op.operands[0]))


class TanhPattern(RewritePattern):
    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: Tanh, rewriter: PatternRewriter) -> None:
        with inserting_at(rewriter):
            value = by_exp(pb.Tensor(op.operands[0])).value
        rewriter.replace(op, [], [value])


def fold(module: ModuleOp) -> None:
    assert apply_folds(module, {Tanh: [tanh_fold]}) == 1


def walk(module: ModuleOp) -> None:
    assert PatternRewriteWalker(TanhPattern()).rewrite_module(module)


@pytest.mark.parametrize("rewrite", [fold, walk])
def test_operators_insert_where_the_operation_was(rewrite: object) -> None:
    assert callable(rewrite)
    module = pb.parse(PROGRAM)
    with pb.Graph() as other:  # a pattern is not a user's graph
        rewrite(module.op)
    assert not other.operations
    module.verify("graph")
    (exp,) = (op for op in module.op.walk() if isinstance(op, Exp))
    made = [op for op in module.op.walk() if name_of(op) == "layer/tanh"]
    assert exp in made
    assert all(str(op.attributes["device"]) == '"gpu"' for op in made)
    np.testing.assert_allclose(module.run([X])[0], np.tanh(X) ** 2)
    with pytest.warns(UserWarning, match="devices are ignored"):
        np.testing.assert_allclose(module.run([X], target="cpu")[0], np.tanh(X) ** 2)


def test_folds_go_into_regions_and_fold_what_folds_make() -> None:
    module = graph(12, every=3)
    copies = [module.copy() for _ in range(2)]
    assert apply_folds(copies[0].op, {Multiply: [double]}) == 4
    PatternRewriteWalker(DoubleByAdding()).rewrite_module(copies[1].op)
    assert copies[0] == copies[1]
    (function,) = (op for op in module.op.ops)
    assert apply_folds(function, {Multiply: [double]}) == 4


def test_outside_of_a_pattern_operators_say_what_is_missing() -> None:
    class Forgetful(RewritePattern):
        @op_type_rewrite_pattern
        def match_and_rewrite(self, op: Tanh, rewriter: PatternRewriter) -> None:
            rewriter.replace(op, [], [by_exp(pb.Tensor(op.operands[0])).value])

    with pytest.raises(
        GraphError,
        match=r"no graph to add to: .* in a rewrite pattern inside `with inserting_at",
    ):
        PatternRewriteWalker(Forgetful()).rewrite_module(pb.parse(PROGRAM).op)


def test_the_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark(["--sizes", "20", "--rounds", "1"])
    assert "1 in 10" in capsys.readouterr().out
