"""`pb.parse` and `pb.Module`: from text to a run, at every level and on every target."""

from __future__ import annotations

import copy
import io
import pickle
import re
import traceback
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.utils.exceptions import ParseError

import pullback as pb
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
    assert isinstance(error.raised, ParseError)
    assert len(traceback_of(error)) == 1  # the parser's own says nothing more
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line) == (str(error), 2)


def traceback_of(error: BaseException) -> list[str]:
    """The tracebacks that are printed of an exception, its own and those that led to it."""
    return "".join(traceback.format_exception(error)).split("Traceback (most recent call last):")[1:]


def test_copies_of_what_cannot_be_read_any_more() -> None:
    pickled = pickle.dumps(pb.parse(REQUEST)).replace(b"graph.tanh", b"graph.tahn")
    with pytest.raises(pb.ProgramError, match=r"^<module>:3:10: error: unknown operation 'graph.tahn'"):
        pickle.loads(pickled)
    context = pb.context()
    context.allow_unregistered = True
    with pytest.raises(pb.ProgramError, match=r"^<input>:1:6: error: unknown operation 'my.op'"):
        pb.parse("%x = my.op", context=context)


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
    kernels = pb.parse(REQUEST).to_level("kernels")
    kernels.verify("kernels", target="cpu")
    with pytest.raises(ValueError, match=r"target 'simt' is not known: expected one of cpu, gpu"):
        kernels.verify("kernels", target="simt")
    with pytest.raises(ValueError, match=r"level 'llvm' is not known: expected one of request, gradients"):
        kernels.verify("llvm")  # pyright: ignore[reportArgumentType]


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


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "program.mlir"
    with pytest.raises(FileNotFoundError) as caught:
        pb.parse("func.func @f() { func.return }").write(path)
    assert caught.value.filename == str(path)
