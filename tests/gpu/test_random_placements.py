"""Random programs, each of whose operations is on a random device, give what the evaluator gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.traits import IsTerminator

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.types import VariableType, shape_of_type
from pullback.dialects.ir.source import parse
from pullback.driver.module_functions import variables_of
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import main_function
from pullback.tests.levels.programs import Recipe, recipes
from pullback.tests.loops.test_stacks import PROGRAM
from pullback.tests.targets import share

TARGETS = ("simt", "fibers")
DEVICES = ("cpu:0", "cuda:0", "cuda:1")
SEEDS = st.integers(0, 2**16)


def place_at_random(module: ModuleOp, seed: int) -> None:
    """Asks for a device for each operation of `@main`, those in loops as well; what is done to variables is there."""
    rng = np.random.default_rng(seed)
    for op in main_function(module).walk():
        if not (op.name == "func.func" or op.has_trait(IsTerminator) or reads_or_updates(op)):
            op.attributes[DEVICE] = StringAttr(str(rng.choice(DEVICES)))


def reads_or_updates(op: Operation) -> bool:
    return any(isinstance(value.type, VariableType) for value in op.operands)


def agree(text: str, target: str, inputs: Sequence[Any], seed: int, rtol: float, atol: float = 0.0) -> str:
    """The placed program gives what the evaluator gives; its text at level `kernels`."""
    expected = compile_function(parse(context(), text).module, "numpy")(inputs, {})
    module = parse(context(), text).module
    place_at_random(module, seed)
    program = compile_function(module, target)
    for found, right in zip(program(inputs, {}), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol, atol)
    return program.ir("kernels")


def graph_of(recipe: Recipe) -> str:
    """A random program and its gradients, at level `graph`."""
    with pb.Graph():
        xs = [pb.placeholder("f32", shape, name=f"x{i}") for i, shape in enumerate(recipe.shapes)]
        indices = pb.placeholder("i32", (recipe.rows,), name="indices")
        ys = recipe.build(xs, indices)
        gradients = pb.gradients(ys, xs, unconnected_gradients="zero")
        return pb.compile([*xs, indices], [*ys, *gradients], target="numpy").ir("graph")


@pytest.mark.parametrize("target", TARGETS)
def test_a_program_is_the_oracle_wherever_its_operations_are(target: str) -> None:
    @given(recipe=recipes(), seed=SEEDS)
    @settings(max_examples=share(10, target))
    def agrees(recipe: Recipe, seed: int) -> None:
        inputs = recipe.inputs(seed, "float32")
        agree(graph_of(recipe), target, inputs, seed, 3e-4, 3e-5)

    agrees()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 5))])
def test_loops_and_stacks_are_the_oracle_wherever_they_are(target: str, seed: int) -> None:
    inputs = [np.linspace(-1, 1, 4, dtype=np.float32), np.int32(20)]
    text = agree(PROGRAM, target, [np.asarray(x) for x in inputs], seed, 1e-5)
    assert "graph.copy_to" in text


def training_of_rows() -> str:
    """A step of Adam at level `graph`, whose gradient of a table is slices."""
    with pb.Graph():
        table = pb.Variable(np.zeros((10, 4), np.float32), name="table")
        w = pb.Variable(np.zeros((4, 3), np.float32), name="w")
        chosen = pb.placeholder("i32", (6,), name="chosen")
        loss = pb.mean((pb.tanh(pb.gather(table, chosen)) @ w) ** 2.0)
        update = pb.train.AdamOptimizer(0.1).minimize(loss)
        return pb.compile([chosen], [loss, update], target="numpy").ir("graph")


def trained(text: str, target: str, seed: int | None = None) -> dict[str, np.ndarray]:
    """The contents of the variables after two steps."""
    module, rng = parse(context(), text).module, np.random.default_rng(0)
    if seed is not None:
        place_at_random(module, seed)
    shapes = {name: shape_of_type(type_) for name, type_ in variables_of(module).items()}
    variables = {name: np.array(rng.uniform(0.1, 0.9, shape), np.float32) for name, shape in shapes.items()}
    program = compile_function(module, target)
    for _ in range(2):
        program([np.array([0, 1, 1, 2, 9, 3], np.int32)], variables)
    return variables


@pytest.mark.parametrize("target", ["simt", pytest.param("fibers", marks=pytest.mark.slow)])
def test_training_is_the_oracle_wherever_its_operations_are(target: str) -> None:
    text = training_of_rows()
    expected = trained(text, "numpy")
    for name, found in trained(text, target, seed=1).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-6, err_msg=name)
