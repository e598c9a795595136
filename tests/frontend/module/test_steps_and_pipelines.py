"""`pb.compile(pipeline=...)` and `step.module`: passes of a user between the graph and a target."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass

import pullback as pb
from pullback.extend.operations import Exp, Tanh
from pullback.passes.pipeline.levels import LevelName
from pullback.tests.frontend.module.test_pass_pipeline import Break

X = np.array([0, 0.5, 1, 1.5], np.float32)


@dataclass(frozen=True)
class TanhToExp(ModulePass):
    """Changes the program, so that numbers tell that it ran."""

    name = "tanh-to-exp"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for tanh in [o for o in op.walk() if isinstance(o, Tanh)]:
            exp = Exp.create(operands=tanh.operands, result_types=tanh.result_types, location=tanh.location)
            block = tanh.parent
            assert block is not None
            block.insert_op_before(exp, tanh)
            tanh.results[0].replace_all_uses_with(exp.results[0])
            tanh.detach()
            tanh.erase()


def compiled(pipeline: object, target: str = "cpu") -> pb.Step:
    with pb.Graph():
        x = pb.placeholder("f32", (None,), name="x")
        y = pb.tanh(x) * x
        return pb.compile([x], [y, pb.sum(y)], target=target, pipeline=pipeline)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_a_pass_between_graph_and_target(target: str) -> None:
    for pipeline in (TanhToExp(), [TanhToExp(), "simplify"], pb.pipeline("cse") + TanhToExp()):
        step = compiled(pipeline, target)
        np.testing.assert_allclose(step(X)[0], np.exp(X) * X, rtol=1e-6)
        np.testing.assert_allclose(pickle.loads(pickle.dumps(step))(X)[0], np.exp(X) * X, rtol=1e-6)
    assert "graph.tanh" in step.ir("gradients")


def test_a_level_that_the_pipeline_checks_is_shown_as_it_is_there() -> None:
    assert "graph.tanh" in compiled(TanhToExp()).ir("graph")
    step = compiled([TanhToExp(), "simplify"])
    assert "graph.tanh" not in step.module("graph", [(4,)]).text()
    assert "graph.tanh" not in step.ir("kernels", [(4,)])
    assert "graph.tanh" not in step.ir("llvm", [(4,)])


def kernels(step: pb.Step) -> int:
    return step.ir("kernels", [(4,)]).count("graph.kernel ")


def test_passes_that_replace_those_of_the_target() -> None:
    assert kernels(compiled(())) == 1
    form = "form-kernels{max-ops=1}"
    for pipeline in (form, f"{form},plan-memory", f"{form},plan-memory,verify-level{{level=kernels}},loops"):
        step = compiled(pipeline)
        np.testing.assert_allclose(step(X)[0], np.tanh(X) * X, rtol=1e-6)
        assert kernels(step) == 3
        assert step.ir("loops").count("func.func private") == 3


def test_options_of_the_target_are_filled_in_where_they_are_open() -> None:
    width = pb.list_targets()["cpu"].capabilities()["vector-bits"]
    assert isinstance(width, int)
    assert f"vector = {width // 32}" in compiled("form-kernels{max-ops=8}").ir("kernels", [(64,)])
    assert "vector = 4" in compiled("form-kernels{vector-bits=128}").ir("kernels", [(64,)])
    assert pb.list_targets()["cpu"].capabilities()["fmas-per-cycle"] in (1, 2)
    stated = pb.pipeline("form-kernels{vector-bits=512}")  # what it is by default, but said
    assert "vector = 16" in compiled(stated).ir("kernels", [(64,)])
    assert "vector = 16" in compiled(stated[:]).ir("kernels", [(64,)])


def test_pipelines_that_lead_elsewhere() -> None:
    said = r"ends at level 'gpu', which target 'cpu' does not run: expected it to end at graph or kernels or loops"
    with pytest.raises(ValueError, match=said):
        compiled("kernels,gpu")
    with pytest.raises(ValueError, match=said):
        compiled("kernels,lower-to-gpu")(X)
    with pytest.raises(ValueError, match=r"ends at level 'loops', which target 'numpy' does not run"):
        compiled("kernels,loops", "numpy")
    with pytest.raises(ValueError, match=r"unknown pass or pipeline 'kernel'"):
        compiled("kernel")
    step = compiled("form-kernels,plan-memory,lower-to-loops")
    np.testing.assert_allclose(step(X)[0], np.tanh(X) * X, rtol=1e-6)
    assert "memref" in step.ir("loops")
    with pytest.raises(
        ValueError, match=r"where it reaches level 'kernels': put verify-level\{level=kernels\}"
    ):
        step.ir("kernels")


def test_what_a_pass_of_a_user_leaves_is_verified() -> None:
    with pytest.raises(Exception, match=r"must be the last operation in its parent block") as caught:
        compiled(Break())(X)
    assert caught.value.__notes__ == ["in pass 'break'"]


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_step_module(target: str) -> None:
    step = compiled((), target)
    levels: list[LevelName] = ["gradients", "graph", "kernels", "loops", "gpu"]
    for level in levels:
        module = step.module(level, [(4,)])
        assert str(module) == step.ir(level, [(4,)])
        assert module.level in (level, "graph")
    np.testing.assert_allclose(step.module("graph").run([X], target)[0], np.tanh(X) * X, rtol=1e-6)
    step.module("graph").functions["main"].op.sym_name = StringAttr("other")
    assert "other" not in step.ir("graph")
    with pytest.raises(ValueError, match=r"level 'llvm' is a text, and no module: ir\('llvm'\) prints it"):
        step.module("llvm", [(4,)])  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        ValueError, match="level 'asm' is not known: expected one of gradients, graph, kernels"
    ):
        step.module("asm")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="shapes are static: call the step once"):
        step.module("kernels")


def test_modules_of_functions() -> None:
    @pb.function
    def f(x: pb.Tensor) -> pb.Tensor:
        return pb.tanh(x) * x

    module = f.module("kernels", X)
    assert str(module) == f.ir("kernels", X)
    np.testing.assert_allclose(module.run([X], "cpu")[0], np.tanh(X) * X, rtol=1e-6)


def test_a_pass_that_changes_numbers_is_found() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None,), name="x")
        step = pb.compile([x], [pb.tanh(x) * x], pipeline=TanhToExp(), verify_each=True)
    with pytest.raises(pb.ResultChangedError, match="tanh-to-exp"):
        step(X)
    compiled_module = step.module("gradients").compile(pipeline=[TanhToExp()], verify_each=True)
    with pytest.raises(pb.ProgramError, match="tanh-to-exp") as caught:
        compiled_module(X)
    assert isinstance(caught.value.raised, pb.ResultChangedError)
    right = step.module("gradients").compile(pipeline="cse", verify_each=True)
    np.testing.assert_allclose(right(X)[0], np.tanh(X) * X, rtol=1e-6)
