"""The methods of summing: the same sum, with different operations, depths and rounding."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from pullback.dialects.context import context
from pullback.dialects.graph.gradient.markers import SumGradients
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.passes.gradients.aggregate_gradients import METHODS, AggregateGradients
from pullback.tests.graphs import Function, build

METHOD_NAMES = [str(method.value) for method in METHODS]


def summed(count: int, extent: int, method: str, dtype: str = "f32") -> Function:
    """`count` arguments, summed by a marker that this method has resolved."""
    function = build([f"{extent}x{dtype}"] * count, lambda *xs: xs[0])
    with inserting(function.block.add_op):
        total = SumGradients.of(*function.args)
        function.ys = [total * 1.0]
    AggregateGradients(method).apply(context(), ModuleOp([function.op]))  # pyright: ignore[reportArgumentType]
    function.op.detach()
    return function


def depth(value: SSAValue) -> int:
    """The depth of a sum: the longest chain of additions."""
    owner = value.owner
    if not isinstance(owner, Operation):
        return 0
    return 1 + max((depth(v) for v in owner.operands), default=0)


def test_the_option_names_every_method() -> None:
    from typing import get_args, get_type_hints

    assert set(get_args(get_type_hints(AggregateGradients)["method"])) == {"requested", *METHOD_NAMES}


@pytest.mark.parametrize("method", METHOD_NAMES)
@pytest.mark.parametrize("count", [2, 3, 5, 17])
def test_every_method_sums(method: str, count: int, rng: np.random.Generator) -> None:
    terms = [rng.standard_normal(4) for _ in range(count)]
    (got,) = summed(count, 4, method, "f64")(*terms)
    np.testing.assert_allclose(got, np.sum(terms, axis=0), rtol=1e-12)


def test_balanced_rounds_better_than_a_left_fold() -> None:
    """64 equal terms of 0.1: a fold rounds at each of 63 steps, the tree doubles exactly at every one."""
    terms = [np.full(1, 0.1, np.float32)] * 64
    exact = 64 * np.float64(np.float32(0.1))
    errors = {m: abs(float(summed(64, 1, m)(*terms)[0][0]) - exact) for m in METHOD_NAMES}
    assert errors["balanced"] == 0.0
    assert errors["tree"] > 0.0


def test_balanced_is_shallow() -> None:
    tree = summed(32, 1, "tree").ys[0].op.operands[0]
    balanced = summed(32, 1, "balanced").ys[0].op.operands[0]
    assert depth(tree) == 31
    assert depth(balanced) == 5
