"""`pb.parse` and `pb.Module`: from text to a run, at every level and on every target."""

from __future__ import annotations

import copy
import io
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

import pullback as pb
from pullback.extend import unregister
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
RUNS: list[tuple[LevelName, list[str]]] = [
    ("gradients", ["numpy", "cpu", "simt"]),
    ("graph", ["numpy", "cpu", "simt"]),
    ("kernels", ["numpy", "cpu", "simt"]),
    ("loops", ["numpy", "cpu"]),
    ("gpu", ["simt"]),
]


# ---- reading and printing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [REQUEST, OF_ANY_LENGTH, WITH_VARIABLE, CALLING, BY_HAND_ON_MEMORY])
def test_text_of_a_module_is_the_module(text: str) -> None:
    module = pb.parse(text)
    assert pb.parse(str(module)) == module == pb.parse(module.text(generic=True))


def test_text_and_paths_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "f.mlir"
    pb.parse(REQUEST).write(path)
    assert pb.parse(path) == pb.parse(str(path)) == pb.parse(REQUEST)
    assert [p.name for p in tmp_path.iterdir()] == ["f.mlir"]
    with pytest.raises(FileNotFoundError):
        pb.parse("nothing.mlir")
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"f\.mlir: error: not UTF-8 text \(byte 0\)"):
        pb.parse(path)


def test_print() -> None:
    module = pb.parse('%c = arith.constant 1 : i32 loc("one")')
    out = io.StringIO()
    module.print(file=out)
    module.print(file=out, locations=False, generic=True)
    first, second = out.getvalue().split("}\n", 1)
    assert 'loc("one")' in first
    assert 'loc("one")' not in second
    assert '"arith.constant"()' in second


def test_lines_of_python_and_of_text_are_printed_on_request() -> None:
    with pb.Graph() as graph:
        pb.exp(pb.placeholder("f32", (2,), name="x"))
    assert re.search(r'loc\("exp"\(".*test_module.py":\d+:\d+\)\)', pb.Module(graph).text(debuginfo=True))
    assert 'loc("<input>":2:3)' in pb.parse(REQUEST).text(debuginfo=True)
    assert "loc" not in pb.parse(REQUEST).text()


def test_locations_count_and_names_of_values_do_not() -> None:
    assert pb.parse("%c = arith.constant 1 : i32") == pb.parse("%d = arith.constant 1 : i32")
    assert pb.parse("%c = arith.constant 1 : i32") != pb.parse('%c = arith.constant 1 : i32 loc("c")')
    assert pb.parse("%c = arith.constant 1 : i32") != pb.parse("%c = arith.constant 2 : i32")
    assert pb.parse(REQUEST) != REQUEST


def test_copies_are_independent() -> None:
    module = pb.parse(REQUEST)
    for made in (module.copy(), copy.copy(module), copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert made == module
        made.functions["main"].op.sym_name = StringAttr("other")
        assert made != module
        assert list(module.functions) == ["main"]


def test_modules_of_xdsl_and_graphs() -> None:
    op = ModuleOp([])
    assert pb.Module(op).op is op
    with pb.Graph() as graph:
        x = pb.placeholder("f32", (2,), name="x")
        module = pb.Module(graph)
        pb.exp(x)
    assert "exp" not in str(module)
    assert pb.Module(graph) == pb.parse(str(graph))
    with pytest.raises(TypeError, match="expected a ModuleOp of xDSL or a Graph, got str"):
        pb.Module("x")  # pyright: ignore[reportArgumentType]


# ---- levels ---------------------------------------------------------------------------------------------------


def test_level_is_found() -> None:
    module = pb.parse(REQUEST)
    assert module.level == "request"
    assert [module.to_level(level).level for level, _ in RUNS] == [level for level, _ in RUNS]
    assert pb.parse(CALLING).level == "request"
    assert pb.parse(BY_HAND_ON_MEMORY).level == "loops"
    assert (
        pb.parse("%c = arith.constant 1 : i32\n%x = graph.fill {value = 1.0 : f32} : tensor<2xf32>").level
        is None
    )


@pytest.mark.parametrize(("level", "targets"), RUNS)
def test_a_program_runs_at_every_level(level: LevelName, targets: list[str]) -> None:
    lowered = pb.parse(REQUEST).to_level(level)
    for target in targets:
        y, dx = lowered.run([X], target=target)
        np.testing.assert_allclose(y, np.sum(np.tanh(X) * X), rtol=1e-6)
        np.testing.assert_allclose(dx, GRADIENT, rtol=1e-5)
        np.testing.assert_allclose(lowered.run({"x": X}, target=target)[1], dx)


def test_a_module_is_left_as_it_was() -> None:
    module = pb.parse(REQUEST)
    lowered = module.to_level("loops")
    assert str(module) == str(pb.parse(REQUEST))
    assert lowered.to_level("loops") == lowered
    assert lowered.to_level("loops") is not lowered


def test_edited_schedules_stay() -> None:
    planned = pb.parse(REQUEST).to_level("kernels")
    edited = pb.parse(re.sub("vector = [0-9]+", "vector = 2", str(planned)))
    assert "vector = 2" in str(edited)
    assert "vector<2xf32>" in str(edited.to_level("loops"))
    np.testing.assert_allclose(edited.run([X], target="cpu")["dx"], GRADIENT, rtol=1e-5)
    np.testing.assert_allclose(edited.compile()(X)["dx"], GRADIENT, rtol=1e-5)


def test_shapes_are_asked_for() -> None:
    module = pb.parse(OF_ANY_LENGTH)
    with pytest.raises(pb.ProgramError, match=r"^<input>:1:1: error: 'x' is tensor<\?xf32>.*give shapes"):
        module.to_level("kernels")
    assert module.to_level("graph").level == "graph"
    lowered = module.to_level("loops", shapes=[(6,)])
    np.testing.assert_allclose(lowered.run([X], target="cpu")[1], GRADIENT, rtol=1e-5)
    with pytest.raises(pb.ProgramError, match=r"specialize-shapes: 2 shapes for the 1 arguments"):
        module.to_level("loops", shapes=[(6,), (2,)])


def test_levels_that_nothing_leads_to() -> None:
    loops = pb.parse(BY_HAND_ON_MEMORY)
    with pytest.raises(
        pb.ProgramError, match=r"^<input>:1:1: error: .*level 'loops', from which no pass leads to 'graph'"
    ):
        loops.to_level("graph")
    module = pb.parse(REQUEST)
    with pytest.raises(
        ValueError, match="target 'simt' does not go through level 'loops'; these targets do: cpu"
    ):
        module.to_level("loops", target="simt")
    with pytest.raises(ValueError, match="level 'llvm' is not known: expected one of request, gradients"):
        module.to_level("llvm")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="target 'gpu' is not known"):
        module.to_level("gpu", target="gpu")


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


# ---- explaining and checking ----------------------------------------------------------------------------------


def test_explain() -> None:
    module = pb.parse(REQUEST, name="f.mlir")
    (found,) = module.explain("%x")
    assert "d y / d x: 2 paths" in str(found)
    assert "f.mlir:4:3" in str(found)
    assert "d p / d x" in str(module.explain("@main:x", ["%p"])[0])
    with pytest.raises(pb.ProgramError, match=r"^x:1:1: error: no value %z in @main"):
        module.explain("%z")
    assert module == pb.parse(REQUEST)


def test_check_gradients() -> None:
    report = pb.parse(REQUEST).check_gradients()
    assert report.worst < 1e-6
    assert [c.order for c in report.comparisons] == [1, 2]
    assert pb.parse(WITH_VARIABLE).check_gradients([[1, 2]], wrt=["w"], order=1).worst < 1e-6
    assert pb.parse(CALLING).check_gradients(function="square", order=1).worst < 1e-6


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


# ---- errors ---------------------------------------------------------------------------------------------------


def test_errors_are_what_the_tools_print() -> None:
    text = "func.func @f() {\n  %x = graph.foo\n  func.return\n}\n"
    with pytest.raises(pb.ProgramError) as caught:
        pb.parse(text, name="f.mlir")
    error = caught.value
    assert str(error) == (
        "f.mlir:2:8: error: unknown operation 'graph.foo'; did you mean 'graph.floor'?\n  %x = graph.foo\n"
        "       ^^^^^^^^^"
    )
    assert (error.file, error.line, error.column) == ("f.mlir", 2, 8)
    assert error.message.startswith("unknown operation")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line) == (str(error), 2)


def test_invalid_programs() -> None:
    text = REQUEST.replace("(tensor<6xf32>) -> tensor<f32>\n", "(tensor<6xf32>) -> tensor<6xf32>\n").replace(
        "tensor<f32>", "tensor<6xf32>"
    )
    with pytest.raises(pb.ProgramError, match=r"^<input>:4:3: error: 'graph.sum'"):
        pb.parse(text)
    module = pb.parse(text, verify=False)
    with pytest.raises(pb.ProgramError, match=r"^<input>:4:3: error: 'graph.sum'"):
        module.verify()
    with pytest.raises(
        pb.ProgramError, match=r"^<input>:5:3: error: 'graph.gradients' has no place at level 'graph'"
    ):
        pb.parse(REQUEST).verify("graph")
    pb.parse(REQUEST).to_level("kernels").verify("kernels", target="cpu")


def test_errors_in_what_cannot_be_printed() -> None:
    module = pb.Module(pb.parse(REQUEST).op)
    block = module.functions["main"].op.body.block
    first = block.first_op
    assert first is not None
    block.detach_op(first)
    block.insert_op_after(first, list(block.ops)[1])  # it is used before it is defined
    with pytest.raises(
        pb.ProgramError, match=r"error: 'graph.multiply': %h is used where it is not defined yet"
    ):
        module.verify()
    with pytest.raises(
        pb.ProgramError, match=r"error: 'graph.multiply': %h is used where it is not defined yet"
    ):
        pb.pipeline("cse")(module)


def test_unregistered_operations_pass_where_the_context_lets_them() -> None:
    context = pb.context()
    context.allow_unregistered = True
    module = pb.parse('"my.op"() : () -> ()', context=context)
    assert '"my.op"()' in str(module)
    assert module.level is None
    assert pickle.loads(pickle.dumps(module)) == module
    made = pb.Module(module.copy().op)
    with pytest.raises(pb.ProgramError, match=r"^<module>:2:3: error: .* has no place at level 'graph'"):
        made.verify("graph")
    with pytest.raises(pb.ProgramError, match=r"^<input>:1:2: error: unknown operation 'my.op'"):
        pb.parse('"my.op"() : () -> ()')
