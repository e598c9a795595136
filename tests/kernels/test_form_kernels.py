"""form-kernels keeps what a graph computes, whatever the graph."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

import pullback as pb
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.text import print_module
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tests.graphs import build
from pullback.tests.kernels.programs import Program, outcome, programs


@given(programs())
def test_kernels_compute_what_the_graph_did(program: Program) -> None:
    before = outcome(program.function)
    FormKernels().apply(Context(), program.module)
    verify_level(program.module, "kernels")
    after = outcome(program.function)
    for expected, got in zip(before, after, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@given(programs())
def test_the_same_graph_gives_the_same_kernels(program: Program) -> None:
    again = program.module.clone()
    for module in (program.module, again):
        FormKernels().apply(Context(), module)
    assert print_module(program.module) == print_module(again)
    before = print_module(again)
    FormKernels().apply(Context(), again)
    assert print_module(again) == before


def test_a_long_chain_is_cut_into_kernels_of_bounded_size() -> None:
    def body(x: Tensor) -> Tensor:
        for _ in range(3000):
            x = Tanh.of(x)
        return x

    function = build(["8xf32"], body)
    function.block.add_op(func.ReturnOp(*(y.value for y in function.ys)))
    function.op.update_function_type()
    FormKernels(max_ops=100).apply(Context(), ModuleOp([function.op]))
    assert function.op_names == ["graph.kernel"] * 30 + ["func.return"]


def test_wide_numbers_of_rows_leave_vectors_whole() -> None:
    """Positions and labels are i64, but there is one for each row: elements fill vectors of 512 bits."""
    with pb.Graph():
        x, labels = pb.placeholder("f32", (40, 30)), pb.placeholder("i64", (40,))
        losses = pb.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x)
        step = pb.compile([x, labels], [pb.argmax(x, 1), losses], "cpu", pipeline="finish")
    module = step.module("graph").op
    FormKernels(vector_bits=512).apply(Context(), module)
    text = print_module(module)
    assert text.count("kind = rows") == text.count("vector = 16") >= 1
