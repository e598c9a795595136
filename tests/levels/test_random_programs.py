"""One program, every level: the oracle, the loop interpreter and all targets give the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import MemRefType

import pullback as pb
from pullback.backends.interpreter.interpreter import interpret
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import main_function
from pullback.tests.levels.programs import Recipe, recipes
from pullback.tests.targets import COMPILED, share

SEEDS = st.integers(0, 2**16)
TOLERANCE = {"f32": (3e-4, 3e-5), "f64": (1e-9, 1e-10)}
"""Relative and absolute."""
NUMPY = {"f32": "float32", "f64": "float64"}


def compiled(recipe: Recipe, dtype: str, target: str) -> pb.Step:
    """The program, its outputs and the gradients of both with respect to every input."""
    with pb.Graph():
        xs = [pb.placeholder(dtype, shape, name=f"x{i}") for i, shape in enumerate(recipe.shapes)]
        indices = pb.placeholder("i32", (recipe.rows,), name="indices")
        ys = recipe.build(xs, indices)
        grads = pb.gradients(ys, xs, unconnected_gradients="zero")
        return pb.compile(inputs=[*xs, indices], outputs=[*ys, *grads], target=target)


def same(got: list[Any], expected: list[Any], dtype: str) -> None:
    rtol, atol = TOLERANCE[dtype]
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(np.asarray(g), np.asarray(e), rtol, atol)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("target", COMPILED)
def test_compiled_code_is_the_oracle(target: str, dtype: str) -> None:
    @given(recipe=recipes(), seed=SEEDS)
    @settings(max_examples=share(20, target))
    def agrees(recipe: Recipe, seed: int) -> None:
        inputs = recipe.inputs(seed, NUMPY[dtype])
        same(compiled(recipe, dtype, target)(*inputs), compiled(recipe, dtype, "numpy")(*inputs), dtype)

    agrees()


@given(recipe=recipes(), seed=SEEDS)
@settings(max_examples=6)
def test_interpreted_loops_are_the_oracle(recipe: Recipe, seed: int) -> None:
    inputs = recipe.inputs(seed, "float64")
    expected = compiled(recipe, "f64", "numpy")(*inputs)
    native = compiled(recipe, "f64", "cpu")
    native(*inputs)
    module = parse(context(), native.ir("loops")).module
    buffers: list[Any] = list(inputs)
    for type_ in main_function(module).function_type.inputs.data[len(inputs) :]:
        assert isinstance(type_, MemRefType)
        buffers.append(np.zeros(type_.get_shape(), dtype_of(type_)))
    interpret(module, buffers)
    same(buffers[len(inputs) : len(inputs) + len(expected)], expected, "f64")


@given(recipe=recipes(pointwise=True), seed=SEEDS)
@settings(max_examples=10)
def test_emulated_pointwise_kernels_are_the_oracle(recipe: Recipe, seed: int) -> None:
    inputs = recipe.inputs(seed, "float32")
    with pb.Graph():
        xs = [pb.placeholder("f32", shape, name=f"x{i}") for i, shape in enumerate(recipe.shapes)]
        indices = pb.placeholder("i32", (recipe.rows,), name="indices")
        y = recipe.build(xs, indices)[0]
        steps = [pb.compile(inputs=[*xs, indices], outputs=[y], target=t) for t in ("simt", "numpy")]
    got, expected = (step(*inputs) for step in steps)
    same(
        [got] if not isinstance(got, list) else got,
        [expected] if not isinstance(expected, list) else expected,
        "f32",
    )


@given(recipe=recipes(smooth=True), seed=SEEDS)
@settings(max_examples=15)
def test_gradients_are_slopes(recipe: Recipe, seed: int) -> None:
    """By random projection, where the program is smooth: steps that jump or kink there are skipped."""
    inputs = recipe.inputs(seed, "float64")
    value, *rest = _value_and_gradients(recipe)
    rng = np.random.default_rng(seed)
    directions = [rng.standard_normal(x.shape) for x in inputs[:4]]
    slopes = []
    for step in (1e-5, 1e-6):
        ends = [
            float(value(*(x + s * step * d for x, d in zip(inputs, directions, strict=False)), inputs[4]))
            for s in (1, -1)
        ]
        slopes.append((ends[0] - ends[1]) / (2 * step))
    assume(np.isclose(slopes[0], slopes[1], rtol=1e-4, atol=1e-6))
    grads = rest[0](*inputs)
    got = sum(float(np.sum(g * d)) for g, d in zip(grads, directions, strict=True))
    assert got == pytest.approx(slopes[0], rel=1e-4, abs=1e-5)


def _value_and_gradients(recipe: Recipe) -> list[pb.Step]:
    with pb.Graph():
        xs = [pb.placeholder("f64", shape, name=f"x{i}") for i, shape in enumerate(recipe.shapes)]
        indices = pb.placeholder("i32", (recipe.rows,), name="indices")
        y = recipe.build(xs, indices)[1]
        grads = pb.gradients(y, xs, unconnected_gradients="zero")
        inputs = [*xs, indices]
        return [
            pb.compile(inputs=inputs, outputs=y, target="numpy"),
            pb.compile(inputs=inputs, outputs=grads, target="numpy"),
        ]
