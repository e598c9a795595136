"""Passes keep the oracle's results: random graphs with gradients, gates, variables and loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr, f32, f64, i32
from xdsl.ir import Operation

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.context import context
from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Cast, Identity, Maximum, StopGradient, Where
from pullback.dialects.graph.elementwise.comparisons import Greater
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.policies import Gating, GatingAttr, Unconnected, UnconnectedAttr
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.split_concat import split_like
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.state.variables import Assign, AssignSub, Read, VariableOp
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.graph.tensor.location import name_of, named
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import VariableType, tensor_type
from pullback.dialects.verification import verify
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.simplify.canonicalize import canonicalize

CONTEXT: Context = context()
ROWS, COLUMNS = 2, 3
MATRIX = tensor_type(f32, (ROWS, COLUMNS))
Choice = tuple[int, int, int]


def column_sum(a: Tensor, b: Tensor) -> Tensor:
    """A sum that is broadcast again."""
    return BroadcastTo.to(Sum.over(a, 0), (ROWS, COLUMNS))


def shifted(a: Tensor, b: Tensor) -> Tensor:
    """What softmax begins with."""
    return a - Max.over(a, 1, keepdims=True)


def back_and_forth(a: Tensor, b: Tensor) -> Tensor:
    """Movements that cancel."""
    flat = Reshape.to(ExpandDims.at(a, [0]), (ROWS * COLUMNS,))
    return Reshape.to(flat, (ROWS, COLUMNS)) + Transpose.of(Transpose.of(b))


def products(a: Tensor, b: Tensor) -> Tensor:
    """Transposed operands."""
    return MatMul.of(MatMul.of(a, Transpose.of(b)), a)


def rows(a: Tensor, b: Tensor) -> Tensor:
    """Rows by index, whose gradient is slices."""
    return Gather.of(a, Constant.from_array(np.array([1, 0], np.int32))) * b


def halves(a: Tensor, b: Tensor) -> Tensor:
    """Pieces of one tensor, one of them unused."""
    first, _ = split_like(a, [Fill.full(0, tensor_type(f32, (1, COLUMNS)))] * 2, 0)
    return first + b


def trips(a: Tensor, b: Tensor) -> Tensor:
    """A loop of two trips that carries an unused value."""
    loop = While.over([Fill.full(2, tensor_type(i32, ())), a, b])
    count, _, _ = map(Tensor, loop.condition.block.args)
    with inserting(loop.condition.block.add_op):
        going_on = count > 0
        loop.condition.block.add_op(Condition.create(operands=[going_on.value]))
    count, x, unused = map(Tensor, loop.body.block.args)
    with inserting(loop.body.block.add_op):
        following = [count - 1, Tanh.of(x * b) + 0, unused * 2]
    loop.body.block.add_op(Yield.create(operands=[t.value for t in following]))
    insert(loop)
    return Tensor(loop.results[1])


MAKERS: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b * b + 1),
    lambda a, b: -a,
    lambda a, b: a + 0,
    lambda a, b: 0 - a,
    lambda a, b: a * 1,
    lambda a, b: a * -1,
    lambda a, b: a * 0,
    lambda a, b: a + -b,
    lambda a, b: Tanh.of(a),
    lambda a, b: Exp.of(-(a * a)),
    lambda a, b: Maximum.of(a, b),
    lambda a, b: Maximum.of(a, a),
    lambda a, b: Where.of(Greater.of(a, b), a, b * 2),
    lambda a, b: Cast.to(Cast.to(a, f64), f32),
    lambda a, b: Identity.of(a) * StopGradient.of(b),
    lambda a, b: Fill.full(2, MATRIX) * Fill.full(3, MATRIX) - a,
    column_sum,
    shifted,
    back_and_forth,
    products,
    rows,
    halves,
    trips,
]

choices = st.lists(
    st.tuples(st.integers(0, len(MAKERS) - 1), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=12,
)


def random_module(chosen: Sequence[Choice], updates: Sequence[int], gate: str) -> ModuleOp:
    """A function of two matrices and a variable that returns values, gradients, and what it read last."""
    function = func.FuncOp("main", ([MATRIX, MATRIX], []))
    block = function.body.block
    with inserting(block.add_op):
        reference = VariableOp.emit_as([], VariableType(MATRIX), {"variable": StringAttr("w")})
        w = Read.of(reference)
        pool = [*map(Tensor, block.args), w]
        for position, (maker, i, j) in enumerate(chosen):
            pool.append(MAKERS[maker](pool[i % len(pool)], pool[j % len(pool)]))
            if position in updates:
                (Assign if position % 2 else AssignSub).apply(reference, pool[-1])
                pool.append(Read.of(reference))
        xs = [v.value for v in (*pool[:3], pool[len(pool) // 2])]
        options = {"gate": GatingAttr(Gating(gate)), "unconnected": UnconnectedAttr(Unconnected.ZERO)}
        request = Gradients.request([pool[-1].value], xs, properties=options)
        block.add_op(request)
        block.add_op(func.ReturnOp(pool[-1].value, pool[len(pool) // 2].value, *request.results))
    function.update_function_type()
    return ModuleOp([function])


def run(module: ModuleOp, pipeline: str) -> None:
    """These passes, each followed by verification."""
    run_passes(CONTEXT, module, parse_passes(pipeline))


def values(module: ModuleOp) -> list[Any]:
    """The results and the variable's contents afterwards, on fixed inputs."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(ROWS, COLUMNS)).astype(np.float32) for _ in range(3)]
    variables = {"w": inputs[2].copy()}
    (function,) = module.ops
    assert isinstance(function, func.FuncOp)
    return [*evaluate(function, inputs[:2], variables), variables["w"]]


PIPELINES = [
    "canonicalize",
    "cse",
    "dce",
    "merge-loops",
    "specialize-shapes{main=_,_}",
    "merge-loops,canonicalize,cse,dce",
]


@settings(max_examples=60, deadline=None)
@given(choices, st.sets(st.integers(0, 11), max_size=2), st.sampled_from(["none", "op", "graph"]))
def test_values_stay(chosen: list[Choice], updates: set[int], gate: str) -> None:
    module = random_module(chosen, sorted(updates), gate)
    run(module, "generate-gradients,aggregate-gradients,gate-gradients")
    with np.errstate(all="ignore"):
        expected = values(module)
        for pipeline in PIPELINES:
            copy = module.clone()
            run(copy, pipeline)
            for got, wanted in zip(values(copy), expected, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6, err_msg=pipeline)


@settings(max_examples=20, deadline=None)
@given(choices)
def test_a_second_run_changes_nothing(chosen: list[Choice]) -> None:
    module = random_module(chosen, [], "none")
    run(module, "generate-gradients,aggregate-gradients,gate-gradients,merge-loops,canonicalize,cse,dce")
    # What cse merges may let canonicalize fold once more, but then it must end.
    run(module, "canonicalize,cse,dce,canonicalize,cse,dce")
    before = str(module)
    run(module, "canonicalize,cse,dce")
    assert str(module) == before


@settings(max_examples=20, deadline=None)
@given(choices)
def test_requests_are_left_alone(chosen: list[Choice]) -> None:
    module = random_module(chosen, [], "none")
    before = str(module)
    run(module, "canonicalize,cse,merge-loops")
    assert str(module) == before


@pytest.mark.parametrize("levels", [1, 2])
def test_gradients_of_a_loop_run_it_once(levels: int) -> None:
    module = random_module([(MAKERS.index(trips), 0, 1)], [], "none")
    run(module, "generate-gradients,aggregate-gradients,gate-gradients")
    expected = values(module)
    assert len(loops(module)) == 3
    run(module, "merge-loops" if levels == 1 else "merge-loops,canonicalize,cse,dce")
    assert len(loops(module)) == 2
    for got, wanted in zip(values(module), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def loops(module: ModuleOp) -> list[Operation]:
    """Every loop of a module."""
    return [op for op in module.walk() if isinstance(op, While)]


def test_replacements_keep_location_and_device() -> None:
    function = func.FuncOp("main", ([MATRIX], []))
    block = function.body.block
    with inserting(block.add_op):
        y = Tensor(block.args[0]) + -Tensor(block.args[0])
    y.op.location = named("layer/difference")
    y.op.attributes["device"] = StringAttr("a")
    block.add_op(func.ReturnOp(y.value))
    function.update_function_type()
    canonicalize(function)
    verify(ModuleOp([function]))
    made = block.last_op.operands[0].owner  # pyright: ignore[reportOptionalMemberAccess]
    assert isinstance(made, Operation)
    assert (made.name, name_of(made)) == ("graph.subtract", "layer/difference")
    assert made.attributes["device"] == StringAttr("a")
