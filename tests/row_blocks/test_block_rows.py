"""Attention in blocks of rows, beside the same without them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.tests.row_blocks.attention_steps import AttentionStep
from pullback.tests.targets import COMPILED

FINISHED = "dce,verify-level{level=graph}"


def blocked(rows: int) -> str:
    """The pipeline of blocks of so many rows at level `graph`."""
    return f"block-rows{{rows={rows}}},{FINISHED}"


def module_of(step: AttentionStep, passes: str) -> Any:
    return pb.pipeline(passes)(step.compiled().module("graph")).op


def loops_in(module: Any) -> int:
    return sum(isinstance(op, While) for op in module.walk())


def has_matrix(step: AttentionStep, module: Any) -> bool:
    """Whether a tensor of the module has all rows and all columns."""
    pair = f"{step.queries}x{step.keys}x"
    turned = f"{step.keys}x{step.queries}x"
    return any(
        re.search(rf"[<x]{p}[a-z]", str(r.type))
        for op in module.walk()
        for r in op.results
        for p in (pair, turned)
    )


def assert_same(step: AttentionStep, rows: int, target: str = "numpy", tolerance: float = 2e-5) -> None:
    arrays = step.arrays()
    expected = step.compiled()(*arrays)
    got = step.compiled(target, blocked(rows))(*arrays)
    for a, b in zip(got, expected, strict=True):
        scale = np.abs(np.asarray(b, np.float64)).max()
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(17, 17), (127, 127), (128, 128), (100, 60), (60, 100)])
def test_no_matrix_is_left(queries: int, keys: int, network: bool) -> None:
    step = AttentionStep(queries, keys, network=network)
    module = module_of(step, blocked(16))
    assert loops_in(module) == (2 if network else 1)
    assert has_matrix(step, module_of(step, FINISHED))
    assert not has_matrix(step, module)
    assert_same(step, 16)


@pytest.mark.parametrize(
    "step",
    [
        AttentionStep(30, 30, causal=True),
        AttentionStep(30, 30, causal=True, batch=()),
        AttentionStep(30, 30, batch=(2, 3), dtype="f64"),
        AttentionStep(30, 24, bias=(30, 24)),
        AttentionStep(30, 24, bias=(2, 30, 24)),
        AttentionStep(30, 24, bias=(1, 24)),
        AttentionStep(30, 30, dropout=0.25),
        AttentionStep(31, 24, dropout=0.25, batch=(2, 3)),
        AttentionStep(30, 30, second=True),
        AttentionStep(30, 30, second=True, causal=True, network=False),
    ],
)
def test_masks_biases_and_second_gradients_stay_right(step: AttentionStep) -> None:
    assert loops_in(module_of(step, blocked(10))) >= 1
    assert_same(step, 10)


@pytest.mark.parametrize(("network", "queries"), [(False, 30), (True, 30), (True, 31)])
def test_draws_are_made_for_the_rows_of_a_trip(queries: int, network: bool) -> None:
    step = AttentionStep(queries, 24, dropout=0.25, network=network)
    assert not has_matrix(step, module_of(step, blocked(10)))


def test_half_precision_adds_up_in_f32() -> None:
    step = AttentionStep(40, 40, dtype="f16")
    assert "f32" in str(module_of(step, blocked(8)))
    assert_same(step, 8, tolerance=5e-3)


@pytest.mark.parametrize("target", COMPILED)
def test_results_stay_on_every_target(target: str) -> None:
    assert_same(AttentionStep(10, 9, causal=True, dropout=0.25), 4, target)


def test_a_total_is_added_up_before_the_next_matrix_is_made() -> None:
    """So the gradient of the scores may be written over the weights, which the values' gradient needed still."""
    module = module_of(AttentionStep(64, 64, network=True), blocked(16))
    last = [op for op in module.walk() if isinstance(op, While)][-1]
    products = [op for op in last.body.walk() if isinstance(op, MatMul)]
    is_matrix = [shape_of_type(op.result_types[0])[-2:] == (16, 64) for op in products]
    assert is_matrix == [True, False, True, False, False]


def test_few_rows_are_one_block() -> None:
    assert loops_in(module_of(AttentionStep(16, 16), blocked(16))) == 0
    assert loops_in(module_of(AttentionStep(1, 16), blocked(1))) == 0


def test_a_matrix_that_is_returned_stays_whole() -> None:
    with pb.Graph():
        query, key = (pb.placeholder("f32", (40, 4)) for _ in range(2))
        weights = pb.softmax(query @ key.mT)
        module = pb.compile([query, key], [weights, weights @ key], target="numpy").module("graph")
    assert loops_in(pb.pipeline(blocked(8))(module).op) == 0


@pytest.mark.parametrize(
    ("length", "batch", "loops"), [(512, (1, 4), 0), (1024, (1, 4), 2), (4096, (1, 4), 2)]
)
def test_costs_decide(length: int, batch: tuple[int, ...], loops: int) -> None:
    step = AttentionStep(length, length, batch=batch, width=64)
    assert loops_in(_unrun(step, "block-rows")) == loops
    assert loops_in(_unrun(step, "block-rows{rows=0}")) == 0


@pytest.mark.parametrize(
    ("length", "fmas", "loops"), [(1024, 1, 0), (1024, 2, 2), (4096, 1, 2), (4096, 2, 2)]
)
def test_products_cost_more_where_one_fma_begins_in_a_cycle(length: int, fmas: int, loops: int) -> None:
    """There a loop does not pay for the scores that it makes again, unless memory would be too large without one."""
    step = AttentionStep(length, length, batch=(1, 4), width=64)
    assert loops_in(_unrun(step, f"block-rows{{fmas-per-cycle={fmas}}}")) == loops


def products_in(module: Any) -> list[tuple[int, ...]]:
    """The rows, columns and terms of the products of a module."""
    return [op.iteration_shape()[-3:] for op in module.walk() if isinstance(op, MatMul)]


@pytest.mark.parametrize(("width", "turned"), [(64, True), (128, False)])
def test_totals_of_few_columns_are_turned_around_without_a_loop(width: int, turned: bool) -> None:
    """So the matrix is read along its rows; of many columns a product takes as long in either form."""
    step = AttentionStep(1024, 1024, batch=(1, 4), width=width)
    module = _unrun(step, "block-rows{fmas-per-cycle=1}")
    assert loops_in(module) == 0
    assert ((width, 1024, 1024) in products_in(module)) is turned
    assert (width, 1024, 1024) not in products_in(_unrun(step, "block-rows{rows=0}"))


def test_a_total_is_formed_without_a_loop_before_the_next_matrix_is_made() -> None:
    """So there, too, the gradient of the scores may be written over the weights: 16 MiB less."""
    step = AttentionStep(1024, 1024, batch=(1, 4), width=64)
    found = products_in(_unrun(step, "block-rows{fmas-per-cycle=1}"))
    made = [product for product in found if product in ((1024, 1024, 64), (64, 1024, 1024))]
    assert made == [(1024, 1024, 64), (64, 1024, 1024), (1024, 1024, 64), (64, 1024, 1024)]


@pytest.mark.parametrize("keys", [1024, 1100])
def test_totals_that_are_turned_around_without_a_loop_stay_right(keys: int) -> None:
    step = AttentionStep(1030, keys, batch=(), width=64)
    passes = f"block-rows{{fmas-per-cycle=1}},{FINISHED}"
    assert (64, keys, 1030) in products_in(module_of(step, passes))
    arrays = step.arrays()
    for a, b in zip(step.compiled("numpy", passes)(*arrays), step.compiled()(*arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(np.asarray(b)).max())


def test_a_gpu_does_not_ask_for_the_fmas_of_the_cpu() -> None:
    step = AttentionStep(8192, 8192, batch=(1, 4), width=64)
    found = [_unrun(step, f"block-rows{{device=cuda fmas-per-cycle={fmas}}}") for fmas in (1, 2)]
    assert loops_in(found[0]) == loops_in(found[1]) > 0


def test_so_many_fmas_are_one_or_more() -> None:
    with pytest.raises(DiagnosticError, match="fmas-per-cycle is 0; expected 1 or more"):
        module_of(AttentionStep(16, 16), "block-rows{fmas-per-cycle=0}")


def _unrun(step: AttentionStep, passes: str) -> Any:
    """The module of attention and its gradients after passes, without arrays of such sizes."""
    with pb.Graph():
        shapes = [(*step.batch, n, step.width) for n in (step.queries, step.keys, step.keys)]
        inputs = [pb.placeholder(step.dtype, s) for s in shapes]
        result = step.attention(*inputs)
        loss = pb.mean(pb.tanh(result * pb.mean(result)))
        module = pb.compile(inputs, [loss, *pb.gradients(loss, inputs)], target="numpy").module("graph")
    return pb.pipeline(passes)(module).op
