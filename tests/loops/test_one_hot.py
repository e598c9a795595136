"""Rows of a constant identity matrix are computed where they are used, and the matrix is never stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cpu.runtime import compile_module
from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_from, tensor_type
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import plan_function
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.tests.loops.kernel_cases import DTYPES, sample


def program(classes: int, dtype: str, labels: np.ndarray[Any, Any], turned: bool) -> func.FuncOp:
    """Picks one element of each row, from rows or, `turned`, from columns of what is hot."""
    shape = (labels.size, classes)
    types = [
        tensor_type(element_type_from(DTYPES[dtype]), shape),
        tensor_type(element_type_from(labels.dtype), shape[:1]),
    ]
    function = func.FuncOp("main", (types, []))
    x, indices = (Tensor(a) for a in function.body.block.args)
    with inserting(function.body.block.add_op):
        hot = Gather.of(Constant.from_array(np.eye(classes, dtype=DTYPES[dtype])), indices)
        results = [Exp.of(x) * hot, Sum.over(x * hot, 1)]
        if turned:
            results.append(Transpose.of(x) + Transpose.of(hot))
        function.body.block.add_op(func.ReturnOp(*(r.value for r in results)))
    function.update_function_type()
    return function


@pytest.mark.parametrize("classes", [1, 3, 10, 40])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("turned", [False, True])
def test_one_hot(classes: int, dtype: str, index: Any, turned: bool) -> None:
    labels = np.array([0, classes - 1, -1, classes, np.iinfo(index).min, np.iinfo(index).max, 0], index)
    inputs = [sample((labels.size, classes), dtype), labels]
    expected = evaluate(program(classes, dtype, labels, turned), inputs)
    module = ModuleOp([program(classes, dtype, labels, turned)])
    FormKernels(vector_bits=256).apply(Context(), module)
    function: Any = module.body.block.first_op
    plan_function(function)
    LowerToLoops(vector_bits=256).apply(Context(), module)
    assert not any(op.name == "memref.global" for op in module.ops)
    main: Any = module.body.block.last_op
    outputs = [np.empty(e.shape, e.dtype) for e in expected]
    buffers = [*inputs, *outputs]
    buffers += [np.zeros(t.get_shape(), np.int8) for t in main.function_type.inputs.data[len(buffers) :]]
    for run in (lambda: interpret(module, buffers), lambda: compile_module(module)(*buffers)):
        for output in outputs:
            output.fill(7)
        run()
        for output, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(output, wanted, rtol=1e-6)
