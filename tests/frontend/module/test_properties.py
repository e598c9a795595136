"""Random programs: text and module are one, pipelines do what `pullback-opt` does, modules run as steps do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.passes.pipeline.levels import LevelName
from pullback.tests.frontend.module.programs import REQUEST
from pullback.tests.levels.programs import Recipe, recipes
from pullback.tools.opt import main as pullback_opt

SEEDS = st.integers(0, 2**16)


def compiled(recipe: Recipe, target: str) -> pb.Step:
    """The program, its outputs and the gradients of both with respect to every input."""
    with pb.Graph():
        xs = [pb.placeholder("f64", shape, name=f"x{i}") for i, shape in enumerate(recipe.shapes)]
        indices = pb.placeholder("i32", (recipe.rows,), name="indices")
        ys = recipe.build(xs, indices)
        grads = pb.gradients(ys, xs, unconnected_gradients="zero")
        return pb.compile(inputs=[*xs, indices], outputs=[*ys, *grads], target=target)


@given(recipe=recipes())
@settings(max_examples=2)
def test_text_of_a_random_module_is_the_module(recipe: Recipe) -> None:
    check_text(recipe)


@pytest.mark.slow
@given(recipe=recipes())
@settings(max_examples=30)
def test_text_of_many_random_modules_is_the_module(recipe: Recipe) -> None:
    check_text(recipe)


def check_text(recipe: Recipe) -> None:
    """Text read back is the module, at each level."""
    built = compiled(recipe, "cpu").module("gradients")
    levels: list[LevelName] = ["gradients", "graph", "kernels", "loops"]
    for level in levels:
        module = built.to_level(level)
        assert module.level == level or (level == "gradients" and module.level == "graph")
        assert pb.parse(str(module)) == module
        assert str(pb.parse(str(module))) == str(module)


@given(recipe=recipes(), seed=SEEDS)
@settings(max_examples=2)
def test_a_module_runs_as_a_step_does(recipe: Recipe, seed: int) -> None:
    check_runs(recipe, seed)


@pytest.mark.slow
@given(recipe=recipes(), seed=SEEDS)
@settings(max_examples=30)
def test_many_modules_run_as_steps_do(recipe: Recipe, seed: int) -> None:
    check_runs(recipe, seed)


def check_runs(recipe: Recipe, seed: int) -> None:
    """A run of a module, at each level, gives what the oracle gives; compiled it gives what a step gives."""
    inputs = recipe.inputs(seed, "float64")
    step = compiled(recipe, "cpu")
    expected = compiled(recipe, "numpy")(*inputs)
    built = step.module("gradients")
    runs: list[tuple[LevelName, str]] = [
        ("gradients", "numpy"),
        ("graph", "numpy"),
        ("kernels", "cpu"),
        ("loops", "cpu"),
    ]
    for level, target in runs:
        for got, want in zip(built.to_level(level).run(inputs, target), expected, strict=True):
            np.testing.assert_allclose(got, want, 1e-9, 1e-10)
    for got, want in zip(built.compile()(*inputs), step(*inputs), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("level", ["gradients", "graph", "kernels", "loops", "gpu"])
def test_levels_are_what_the_tool_prints(
    level: LevelName, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(REQUEST)
    target = pb.list_targets()["simt" if level == "gpu" else "cpu"].pipeline
    upto = f'verify-level{{level="{level}"}}'
    below = target.partition(upto)[0] + upto
    passes = {"gradients": "gradients", "graph": "gradients,finish"}.get(level, f"gradients,finish,{below}")
    assert pullback_opt([str(path), "-p", passes]) == 0
    assert capsys.readouterr().out == str(pb.parse(path).to_level(level))
    assert pb.pipeline(passes)(pb.parse(path)) == pb.parse(path).to_level(level)
