"""`pb.Module`: running, compiling, explaining and checking functions."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import pullback as pb
from pullback.extend import unregister
from pullback.passes.lowering.kernel_kind import NotYet
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.pipeline.levels import LevelName
from pullback.tests.frontend.module.programs import (
    BY_HAND_ON_MEMORY,
    CALLING,
    OF_ANY_LENGTH,
    REQUEST,
    WITH_VARIABLE,
)

X = np.array([0, 0.5, 1, 1.5, 2, 2.5], np.float32)
GRADIENT = np.tanh(X) + X * (1 - np.tanh(X) ** 2)


# ---- running --------------------------------------------------------------------------------------------------


def test_results_have_names() -> None:
    results = pb.parse(REQUEST).to_level("graph").run([X])
    assert results.names == ("y", "dx")
    assert results["dx"] is results[1]
    assert list(results.asdict()) == ["y", "dx"]
    with pytest.raises(KeyError, match=r"no result is called 'z': there are y, dx"):
        results["z"]
    again = pickle.loads(pickle.dumps(results))
    np.testing.assert_array_equal(again["dx"], results["dx"])
    assert again.names == results.names


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_variables(target: str) -> None:
    w, module = np.array([1.0, 2.0]), pb.parse(WITH_VARIABLE)
    results = module.run([[3, 4]], target, variables={"w": w})
    assert results["y"].tolist() == [3, 8]
    assert results.variables["w"].tolist() == [4, 6]
    assert w.tolist() == [1, 2]
    lowered = module.to_level("gpu" if target == "simt" else "loops")
    assert lowered.run([[3, 4]], target, variables={"w": w}).variables["w"].tolist() == [4, 6]
    with pytest.raises(ValueError, match=r"variables are missing: w \(tensor<2xf64>\)"):
        module.run([[3, 4]], target)


def test_functions() -> None:
    module = pb.parse(CALLING)
    assert repr(module.functions["square"]) == "@square(a: tensor<3xf64>) -> (b: tensor<3xf64>)"
    assert module.functions["square"]([1, 2, 3])["b"].tolist() == [1, 4, 9]
    for target in ("numpy", "cpu"):
        assert module.run([[1, 2, 3]], target)["z"].tolist() == [1, 16, 81]
        assert module.compile(target, function="square")([1, 2, 3])["b"].tolist() == [1, 4, 9]
    assert list(module.functions) == ["square", "main"]
    with pytest.raises(ValueError, match="the module has no function 'f'; it has: square, main"):
        module.run([1], function="f")


def test_functions_written_on_memory_give_all_arguments() -> None:
    module = pb.parse(BY_HAND_ON_MEMORY)
    for target in ("numpy", "cpu"):
        x = np.arange(4, dtype=np.float32)
        results = module.run({"x": x}, target, function="twice")
        assert results["y"].tolist() == [0, 2, 4, 6]
        assert results["x"] is not x
        assert module.compile(target, function="twice")(x, x)["y"].tolist() == [0, 2, 4, 6]


def test_arguments_of_one_name_are_told_apart() -> None:
    module = pb.parse(
        """func.func @main(%a: tensor<f32> loc("x"), %b: tensor<f32> loc("x")) -> tensor<f32> {
          %y = graph.subtract %a, %b : tensor<f32>
          func.return %y : tensor<f32>
        }"""
    )
    assert list(module.functions["main"].inputs) == ["x_0", "x_1"]
    assert module.run([3.0, 1.0])[0] == module.run({"x_1": 1.0, "x_0": 3.0})[0] == 2


WRONG = [
    ([X.astype(np.float64)], TypeError, r"input 'x': expected dtype float32, got float64"),
    ([X[:3]], ValueError, r"input 'x': expected tensor<6xf32>, got an array of shape \(3,\)"),
    ([], ValueError, r"inputs are missing: x \(tensor<6xf32>\)"),
    ([X, X], ValueError, r"inputs: 2 arrays for 1 \(x\)"),
    ({"y": X}, ValueError, r"input 'y' is not known: there are x"),
    (X, TypeError, r"inputs: expected a list of arrays, or a dict of arrays by name, got ndarray"),
    ([["a"] * 6], TypeError, r"input 'x'.*got str"),
]


@pytest.mark.parametrize(("arrays", "kind", "said"), WRONG)
def test_wrong_arrays(arrays: object, kind: type[Exception], said: str) -> None:
    module = pb.parse(REQUEST).to_level("graph")
    with pytest.raises(kind, match=said) as caught:
        module.run(arrays)  # pyright: ignore[reportArgumentType]
    assert isinstance(caught.value, ValueError)


def test_what_a_target_does_not_run() -> None:
    request = pb.parse(REQUEST, name="f.mlir")
    with pytest.raises(
        pb.ProgramError, match=r"^f\.mlir:5:3: error: graph\.gradients: a request cannot be run"
    ):
        request.run([X])
    with pytest.raises(
        pb.ProgramError, match=r"^f\.mlir:5:3: error: .* no place .*: run generate-gradients first"
    ):
        request.run([X], "cpu")
    with pytest.raises(
        pb.ProgramError, match=r"^<module>:\d+:\d+: error: gpu.launch_func in @main.*: the interpreter"
    ):
        request.to_level("gpu").run([X])
    with pytest.raises(ValueError, match="target 'gpu' is not known"):
        request.run([X], "gpu")


# ---- compiling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_compile(target: str) -> None:
    step = pb.parse(OF_ANY_LENGTH).compile(target)
    for n in (6, 3):
        np.testing.assert_allclose(step(X[:n])["dx"], GRADIENT[:n], rtol=1e-5)
    assert step.module("graph").level == "graph"
    np.testing.assert_allclose(pickle.loads(pickle.dumps(step))(X)["dx"], GRADIENT, rtol=1e-5)
    with pytest.raises(TypeError, match="input 'x': expected dtype float32"):
        step(X.astype(np.float64))


@pytest.mark.parametrize(
    ("level", "target"), [("graph", "cpu"), ("loops", "cpu"), ("loops", "numpy"), ("gpu", "simt")]
)
def test_compiled_modules_keep_variables(level: LevelName, target: str) -> None:
    w = np.array([1.0, 2.0])
    step = pb.parse(WITH_VARIABLE).to_level(level).compile(target, variables={"w": w})
    step([3, 4])
    assert step([3, 4])[0].tolist() == [12, 24]
    assert step.variables["w"].tolist() == [7, 10]
    assert w.tolist() == [1, 2]
    other = copy.deepcopy(step)
    other([1, 1])
    assert step.variables["w"].tolist() == [7, 10]


def test_compiled_modules_of_lowered_ones_have_no_other_level() -> None:
    step = pb.parse(REQUEST).to_level("loops").compile()
    with pytest.raises(ValueError, match="the function was lowered before it was compiled"):
        step.ir("graph")
    with pytest.raises(ValueError, match="its passes begin at the finished graph"):
        pb.parse(REQUEST).to_level("loops").compile(pipeline="cse")


def test_levels_of_compiled_modules_say_what_is_wrong_with_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without = replace(TABLE["matmul"], targets={**TABLE["matmul"].targets, "gpu": NotYet("no time")})
    monkeypatch.setattr(TABLE, "_known", {**TABLE.registered, "matmul": without})
    text = "func.func @main(%m: tensor<4x4xf32>) -> tensor<4x4xf32> {\n  %y = graph.matmul %m, %m : tensor<4x4xf32>\n"
    step = pb.parse(text + "  func.return %y : tensor<4x4xf32>\n}\n").compile()
    for level in (step.ir, step.module):
        with pytest.raises(pb.ProgramError, match=r"^<input>:2:3: error: no GPU kernel of kind 'matmul' yet"):
            level("gpu")


# ---- explaining and checking ----------------------------------------------------------------------------------


def test_explain() -> None:
    module = pb.parse(REQUEST, name="f.mlir")
    (found,) = module.explain("%x")
    assert "d y / d x: 2 paths" in str(found)
    assert "f.mlir:4:3" in str(found)
    assert "d p / d x" in str(module.explain("@main:x", ys=["%p"])[0])
    assert "d h / d x" in str(module.explain("x", ys="%h")[0])
    with pytest.raises(pb.ProgramError, match=r"^x:1:1: error: no value %z in @main"):
        module.explain("%z")
    assert module == pb.parse(REQUEST)


def test_check_gradients() -> None:
    report = pb.parse(REQUEST).check_gradients()
    assert report.worst < 1e-6
    assert [c.order for c in report.comparisons] == [1, 2]
    assert pb.parse(WITH_VARIABLE).check_gradients([[1, 2]], wrt=["w"], order=1).worst < 1e-6
    assert pb.parse(CALLING).check_gradients(function="square", order=1).worst < 1e-6


@pytest.mark.parametrize("given", [{"order": 0}, {"directions": 0}])
def test_a_check_of_nothing_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"expected a number from 1 on, got 0"):
        pb.parse(REQUEST).check_gradients(order=given.get("order", 1), directions=given.get("directions", 1))


def test_wrong_gradients_are_found_with_their_line() -> None:
    pb.RegisterGradient("TwiceInText")(lambda op, dy: 2.0 * dy)
    try:
        wrong = REQUEST.replace("graph.tanh %x :", 'graph.tanh %x {gradient_op_type = "TwiceInText"} :')
        with pytest.raises(
            pb.GradientCheckError, match=r"^<input>:2:3: error: the gradient .* is wrong"
        ) as caught:
            pb.parse(wrong).check_gradients(order=1)
    finally:
        unregister("TwiceInText")
    assert caught.value.report.worst > 0.1
