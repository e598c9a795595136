"""Random programs, each of whose operations is on a random device, give what the evaluator gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.traits import IsTerminator

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import main_function
from pullback.tests.levels.programs import Recipe, recipes
from pullback.tests.loops.test_stacks import PROGRAM
from pullback.tests.targets import share

TARGETS = ("simt", "fibers")
DEVICES = ("cpu:0", "cuda:0", "cuda:1")
SEEDS = st.integers(0, 2**16)


def place_at_random(module: ModuleOp, seed: int) -> None:
    """Asks for a device for each operation of `@main`, those in loops as well."""
    rng = np.random.default_rng(seed)
    for op in main_function(module).walk():
        if op.name != "func.func" and not op.has_trait(IsTerminator):
            op.attributes[DEVICE] = StringAttr(str(rng.choice(DEVICES)))


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
@pytest.mark.parametrize("seed", range(2))
def test_loops_and_stacks_are_the_oracle_wherever_they_are(target: str, seed: int) -> None:
    inputs = [np.linspace(-1, 1, 4, dtype=np.float32), np.int32(20)]
    text = agree(PROGRAM, target, [np.asarray(x) for x in inputs], seed, 1e-5)
    assert "graph.copy_to" in text
