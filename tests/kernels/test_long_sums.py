"""Sums of many terms are taken apart: the same sum, from no more terms at once than is said, each after its terms."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.form.long_sums_in_parts import MOST_TERMS
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.graphs import build


@pytest.mark.parametrize("count", [MOST_TERMS, MOST_TERMS + 1, 2 * MOST_TERMS + 1, MOST_TERMS**2 + 7])
@pytest.mark.parametrize("terms", ["arguments", "values", "both", "values, the last ones first"])
def test_the_sum_stays(count: int, terms: str) -> None:
    def body(x: Tensor, y: Tensor) -> Tensor:
        values = [x]
        while len(values) < count:
            values.append([x, y][len(values) % 2] if terms == "arguments" else Tanh.of(values[-1]))
        if terms == "both":
            values[::3] = [y] * len(values[::3])
        return AddN.of(*(values[::-1] if terms.endswith("first") else values))

    function = build(["3xf64", "3xf64"], body)
    function.block.add_op(func.ReturnOp(*(y.value for y in function.ys)))
    function.op.update_function_type()
    data = [np.array([0.5, -2.0, 0.0]), np.array([3.0, 1.0, -1.0])]
    before = evaluate(function.op, data, {})
    module = ModuleOp([function.op])
    FormKernels().apply(Context(), module)
    verify_level(module, "kernels")
    sums = [op for op in operations_within(module) if isinstance(op, AddN)]
    assert all(len(op.operands) <= MOST_TERMS for op in sums)
    assert all(len(op.operands) < 600 for op in operations_within(module) if isinstance(op, Kernel))
    np.testing.assert_allclose(evaluate(function.op, data, {})[0], before[0], rtol=1e-12)
