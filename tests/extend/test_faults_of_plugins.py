"""What fails in the code of a plug-in is said to be its fault; what is no plug-in is refused where it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.tensor.types import GraphError
from pullback.extend import Array, DiagnosticError, Plugin, Unary, graph_op
from pullback.tests.extend.distributions import Install, distribution
from pullback.tools import opt, run

FAULTY = """
from dataclasses import dataclass
from xdsl.dialects.builtin import TensorType, f64
from xdsl.passes import ModulePass
from pullback.extend import *
import pullback as pb

@graph_op
class Faulty(Unary):
    "Fails."
    name = "faulty.op"
    def numpy(self, x): raise KeyError("numpy")
    def gradient(self, dy): raise KeyError("rule")

@graph_op
class Body(Unary):
    "Fails."
    name = "faulty.body"
    def numpy(self, x): return x
    def body(self, x): raise KeyError("body")

@dataclass(frozen=True)
class Raises(ModulePass):
    "Fails."
    name = "raises"
    what: str = "apply"
    def apply(self, ctx, op): raise KeyError(self.what)

@dataclass(frozen=True)
class Breaks(ModulePass):
    "Leaves what is not valid."
    name = "breaks"
    def apply(self, ctx, op):
        tanh = next(o for o in op.walk() if o.name == "graph.tanh")
        tanh.results[0]._type = TensorType(f64, [3])

def compiled(module, graph): raise KeyError("compile")

PLUGIN = Plugin(
    "faulty", operations=(Faulty, Body), passes=(Raises, Breaks),
    targets=(Target("faulty", "Fails.", "kernels,loops", compiled),),
)
"""
PROGRAM = """func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.tanh %x : tensor<2xf32>
  func.return %y : tensor<2xf32>
}
"""
REQUEST = """func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = faulty.op %x : tensor<2xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}
"""


@pytest.fixture
def faulty(install: Install, tmp_path: Path) -> None:
    points = "[pullback.plugins]\nfaulty = faulty_module:PLUGIN\n"
    install(distribution(tmp_path, "faulty", points, faulty_module=FAULTY))


@pytest.mark.parametrize(
    ("tool", "text", "arguments", "said"),
    [
        (opt.main, PROGRAM, ["-p", "raises"], "error: internal error of plug-in 'faulty': KeyError: 'apply'"),
        (opt.main, PROGRAM, ["-p", "raises{what=b}"], "note: in pass 'raises{what=b}' of plug-in 'faulty'\n"),
        (opt.main, PROGRAM, ["-p", "cse,breaks"], "note: in pass 'breaks' of plug-in 'faulty'\n"),
        (
            opt.main,
            REQUEST,
            ["-p", "gradients"],
            "error: internal error of plug-in 'faulty': KeyError: 'rule'",
        ),
        (
            run.main,
            PROGRAM.replace("graph.tanh", "faulty.op"),
            ["--target=cpu"],
            "'faulty': KeyError: 'numpy'",
        ),
        (
            run.main,
            PROGRAM.replace("graph.tanh", "faulty.body"),
            ["--target=cpu"],
            "'faulty': KeyError: 'body'",
        ),
        (
            run.main,
            PROGRAM,
            ["--target=faulty"],
            "error: internal error of plug-in 'faulty': KeyError: 'compile'",
        ),
    ],
)
@pytest.mark.usefixtures("faulty")
def test_tools_name_the_plugin_that_failed(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tool: Any,
    text: str,
    arguments: list[str],
    said: str,
) -> None:
    program = tmp_path / "p.mlir"
    program.write_text(text)
    inputs = ["--input", "x=[1, 2]"] if tool is run.main else []
    assert tool([str(program), *arguments, *inputs]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("faulty")
def test_python_names_the_plugin_of_a_pass() -> None:
    module = pb.parse(PROGRAM)
    with pytest.raises(KeyError) as caught:
        pb.pipeline("raises")(module)
    assert caught.value.__notes__ == ["in pass 'raises' of plug-in 'faulty'"]
    with pytest.raises(pb.ProgramError) as broken:
        module.compile(pipeline="breaks")(np.zeros(2, np.float32))
    assert broken.value.notes == ("in pass 'breaks' of plug-in 'faulty'",)


@pytest.mark.usefixtures("faulty")
def test_our_own_faults_are_not_those_of_plugins() -> None:
    with pytest.raises(pb.ProgramError) as caught:
        pb.pipeline("form-kernels{max-ops=-1}")(pb.parse(PROGRAM))
    assert caught.value.notes[-1] == "in pass 'form-kernels{max-ops=-1}'"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": 3}, "Plugin: name: expected text, got 3"),
        ({"operations": 3}, "Plugin 'p': operations: expected a tuple of classes of graph operations, got 3"),
        (
            {"operations": (opt.Opt,)},
            r"operations\[0\]: expected one of classes of graph operations, got <class",
        ),
        ({"passes": ("cse",)}, r"Plugin 'p': passes\[0\]: expected one of classes of passes, got 'cse'"),
        ({"rules": [1]}, r"Plugin 'p': rules: expected a dict of gradient rules, got \[1\]"),
        (
            {"pipelines": {"mine": "cse"}},
            r"Plugin 'p': pipelines\['mine'\]: expected one of pipelines, got 'cse'",
        ),
        ({"targets": (3,)}, r"Plugin 'p': targets\[0\]: expected one of targets, got 3"),
        ({"formats": {"f": 3}}, r"Plugin 'p': formats\['f'\]: expected one of functions that give"),
    ],
)
def test_what_is_no_plugin(fields: Any, said: str) -> None:
    arguments: dict[str, Any] = {"name": "p", **fields}
    with pytest.raises(TypeError, match=said):
        Plugin(**arguments)
    with pytest.raises(ValueError, match="name"):
        Plugin("")


@pytest.mark.usefixtures("cubes")
def test_modules_print_the_forms_of_plugins() -> None:
    module = pb.parse(PROGRAM)
    assert module.translate("names") == "builtin.module func.func func.return graph.tanh\n"
    with pytest.raises(ValueError, match=r"form 'name' is not known: expected one of .*names"):
        module.translate("name")
    with pytest.raises(
        pb.ProgramError, match=r"'func.func': type tensor<2xf32> has no place at level 'loops'"
    ):
        module.translate("llvm-ir")


def applied(op: type[Unary], target: str) -> Any:
    """A step that applies an operation."""
    with pb.Graph():
        x = pb.placeholder("f32", (2,), name="x")
        return pb.compile([x], [op.of(x)], target=target)


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_results_of_another_shape(target: str) -> None:
    @graph_op
    class Flat(Unary):
        """Gives another shape than its type says."""

        name = "my.flat"

        def numpy(self, *operands: Array) -> Any:
            return operands[0][:1]

    with pytest.raises(DiagnosticError, match=r"my.flat: numpy\(\) gives an array of .*shape \(1,\)"):
        applied(Flat, target)(np.ones(2, np.float32))


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_operations_without_a_meaning(target: str) -> None:
    @graph_op
    class Silent(Unary):
        """Says nothing of what it computes."""

        name = "my.silent"

    with pytest.raises(DiagnosticError, match=r"'my.silent' has no (place|meaning)"):
        applied(Silent, target)(np.ones(2, np.float32))


@pytest.mark.usefixtures("install")
def test_what_is_no_operation() -> None:
    no_operation: Any = int
    with pytest.raises(
        TypeError, match=r"graph_op: expected a class derived from GraphOp, got <class 'int'>"
    ):
        graph_op(no_operation)
    with pytest.raises(
        GraphError, match=r"operation Q: expected a name after that of a dialect, as in my.cube"
    ):
        graph_op(type("Q", (Unary,), {}))
