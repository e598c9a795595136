"""Each kind of definition that a plug-in brings, in each place that looks definitions up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.process.registries import REGISTRIES
from pullback.tools import opt, run
from pullback.tools.generate import __main__ as generate

Tool: TypeAlias = Callable[..., str]
PLUGIN = "cubes"

PROGRAM = """
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %y = my.cube %x : tensor<3xf32>
  %b = my.backwards %y : tensor<3xf32>
  %z = graph.cube %b : tensor<3xf32>
  %dx = graph.gradients of (%z) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %z, %dx : tensor<3xf32>, tensor<3xf32>
}
"""
IN_KERNELS = PROGRAM.replace("my.backwards", "graph.negative")
KERNEL = """
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = graph.kernel %x schedule<kind = one_by_one, parallel = [2, 3]> : tensor<2x3xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    %b = my.cube %a : tensor<2x3xf32>
    graph.yield %b : tensor<2x3xf32>
  }
  func.return %y : tensor<2x3xf32>
}
"""
COSINE = """
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = math.cos %x : tensor<3xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %dx : tensor<3xf32>
}
"""
TYPED = """
%t = my.make {a = #my.mark<3>} : !my.token<here>
"other.op"() : () -> ()
"""


@pytest.fixture
def tool(cubes: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Tool:
    """Runs a tool on a text; what it prints on standard output."""

    def run_tool(main: Callable[[list[str]], int], text: str, *arguments: str) -> str:
        path = tmp_path / "program.mlir"
        path.write_text(text)
        status = main([str(path), *arguments] if text else [*arguments])
        printed = capsys.readouterr()
        assert (status, printed.err) == (0, "")
        return printed.out

    return run_tool


@pytest.fixture
def page(cubes: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The page of the plug-in."""
    monkeypatch.setattr("sys.argv", ["generate", "--plugin", "cubes", "--output", str(tmp_path / "pages")])
    generate.main()
    return (tmp_path / "pages" / f"{PLUGIN}.md").read_text()


def listed(tool: Tool, which: str) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(tool(opt.main, "", f"--list-{which}", "--json"))}


def module(text: str) -> Any:
    return parse(context(), text).module


def values(printed: str) -> list[list[float]]:
    return [json.loads(line.partition(" = ")[2]) for line in printed.splitlines()]


# ---- pullback-opt -----------------------------------------------------------------------------------------------


def opt_operations(tool: Tool) -> None:
    printed = tool(opt.main, PROGRAM, "-p", "verify-level{level=request}")
    assert tool(opt.main, printed) == printed
    assert tool(opt.main, tool(opt.main, PROGRAM, "--print-op-generic")) == printed
    levels = tool(opt.main, IN_KERNELS, "-p", "gradients,finish,kernels")
    assert levels.count("graph.kernel %") == 1  # all of it is fused
    assert "my.cube" in levels
    assert tool(opt.main, levels, "-p", "verify-level{level=kernels}") == levels
    cuda = tool(opt.main, levels, "-p", "gpu", "-t", "cuda-cpp")
    assert "__global__" in cuda
    assert "store double" not in tool(opt.main, levels, "-p", "loops", "-t", "llvm-ir")


def opt_dialects(tool: Tool) -> None:
    printed = tool(opt.main, TYPED)
    assert (
        printed
        == "builtin.module {\n  %t = my.make {a = #my.mark<3>} : !my.token<here>\n  other.op\n}\n".replace(
            "  other.op\n", '  "other.op"() : () -> ()\n'
        )
    )
    assert tool(opt.main, tool(opt.main, TYPED, "--print-op-generic")) == printed


def opt_rules(tool: Tool) -> None:
    assert "math.sin" in tool(opt.main, COSINE, "-p", "generate-gradients")


def opt_passes(tool: Tool) -> None:
    assert "my.cube" not in tool(opt.main, PROGRAM, "-p", "no-cubes{only=my.cube}")
    assert "other" not in tool(opt.main, TYPED, "-p", "other-pass")


def opt_pipelines(tool: Tool) -> None:
    assert "cube" not in tool(opt.main, PROGRAM, "-p", "gradients,finish,cubeless")


def opt_kinds(tool: Tool) -> None:
    assert tool(opt.main, KERNEL).count("kind = one_by_one") == 1
    assert "scf.parallel" in tool(opt.main, KERNEL, "-p", "kernels,loops")


def opt_targets(tool: Tool) -> None:
    text = tool(opt.main, COSINE.replace("math.cos", "graph.cos"), "-p", "gradients,finish", "-t", "size")
    assert text == "5\n"


def opt_forms(tool: Tool) -> None:
    assert tool(opt.main, TYPED, "-t", "names") == "builtin.module my.make other.op\n"


# ---- lists ------------------------------------------------------------------------------------------------------


def list_operations(tool: Tool) -> None:
    rows = listed(tool, "ops")
    assert rows["my.cube"]["summary"] == "x * x * x."
    assert {"graph.cube", "my.backwards", "my.make", "other.op"} <= set(rows)
    assert "graph.cube(operand) -> (result): x * x * x, in the graph dialect.\n" in tool(
        opt.main, "", "--list-ops"
    )


def list_rules(tool: Tool) -> None:
    rows = {name: row["gradient"] for name, row in listed(tool, "gradients").items()}
    assert (rows["my.cube"], rows["math.cos"], rows["Straight"]) == ("rule", "rule", "rule")


def list_passes(tool: Tool) -> None:
    (option,) = listed(tool, "passes")["no-cubes"]["options"]
    assert option["meaning"] == "The name of the operation to replace."
    assert "other-pass: A pass that xDSL knows how to find.\n" in tool(opt.main, "", "--list-passes")
    assert "no-cubes" in pb.list_passes()


def list_pipelines(tool: Tool) -> None:
    assert listed(tool, "pipelines")["cubeless"]["passes"][0] == "no-cubes"
    assert "cubeless" in pb.list_pipelines()


def list_targets(tool: Tool) -> None:
    assert "oracle: the evaluator by another name" in tool(run.main, "", "--list-targets")
    assert "oracle" in pb.list_targets()


def list_forms(tool: Tool) -> None:
    assert listed(tool, "targets")["names"]["summary"] == "The names of the operations."
    assert listed(tool, "targets")["size"]["summary"] == "How many."


# ---- pullback-run -----------------------------------------------------------------------------------------------

X = ("--input", "x=[1,2,3]", "--values")
CUBED = [[19683.0, 512.0, 1.0], [9.0, 2304.0, 59049.0]]


def run_operations(tool: Tool) -> None:
    for target in ("numpy", "cpu"):
        assert values(tool(run.main, PROGRAM, "-p", "gradients,finish", "--target", target, *X)) == CUBED
    on_device = values(tool(run.main, IN_KERNELS, "-p", "gradients,finish", "--target", "simt", *X))
    assert on_device == [[-1.0, -512.0, -19683.0], [-9.0, -2304.0, -59049.0]]


def run_rules(tool: Tool) -> None:
    text = COSINE.replace("math.cos %x", 'graph.cos %x {gradient_op_type = "Straight"}')
    assert values(tool(run.main, text, "-p", "gradients,finish", *X)) == [[1.0, 1.0, 1.0]]


def run_passes(tool: Tool) -> None:
    assert values(tool(run.main, PROGRAM, "-p", "no-cubes,gradients,finish", *X)) == CUBED


def run_pipelines(tool: Tool) -> None:
    assert values(tool(run.main, PROGRAM, "-p", "gradients,finish,cubeless", "--target", "cpu", *X)) == CUBED


def run_kinds(tool: Tool) -> None:
    given = ("--input", "x=[[1,2,3],[4,5,6]]", "--values", "--target", "cpu")
    assert values(tool(run.main, KERNEL, *given)) == [[[1.0, 8.0, 27.0], [64.0, 125.0, 216.0]]]


def run_targets(tool: Tool) -> None:
    assert values(tool(run.main, PROGRAM, "-p", "gradients,finish", "--target", "oracle", *X)) == CUBED


# ---- Python -----------------------------------------------------------------------------------------------------


def python_operations(tool: Tool) -> None:
    parsed = module(PROGRAM)  # the name is looked up first here: so the plug-in is found
    assert print_module(module(print_module(parsed))) == print_module(parsed)
    cube = next(type(op) for op in parsed.walk() if op.name == "my.cube")
    backwards = next(type(op) for op in parsed.walk() if op.name == "my.backwards")
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        y = cube.of(backwards.of(backwards.of(x)))
        (dx,) = pb.gradients(y, [x])
        assert "my.cube" in str(pb.explain(y, x))
        assert pb.check_gradients(y, [x]).worst < 1e-3
        steps = [pb.compile([x], [y, dx], target=target) for target in ("numpy", "cpu", "simt")]
    for step in steps:
        np.testing.assert_array_equal(step(np.array([1, 2, 3], np.float32)), [[1, 8, 27], [3, 12, 27]])
        assert "backwards" not in step.ir("graph")  # the fold of the plug-in was applied


def python_rules(tool: Tool) -> None:
    assert "math.sin" in str(pb.pipeline("generate-gradients")(pb.parse(COSINE)))
    with pb.Graph() as g, g.gradient_override_map({"tanh": "Straight"}):
        x = pb.placeholder("f32", (2,), name="x")
        np.testing.assert_array_equal(pb.run(pb.gradients(pb.tanh(x), [x])[0], {x: [1, 2]}), [1, 1])


def python_passes(tool: Tool) -> None:
    assert "cube" not in str(pb.pipeline("no-cubes")(pb.parse(PROGRAM)))


def python_pipelines(tool: Tool) -> None:
    assert "cube" not in str(
        pb.pipeline("gradients,finish,cubeless")(pb.parse(COSINE.replace("math.cos", "my.cube")))
    )


def python_kinds(tool: Tool) -> None:
    assert "one_by_one" in print_module(module(KERNEL))


def python_dialects(tool: Tool) -> None:
    assert context().get_dialect("other").name == "other"
    assert "!my.token<here>" in print_module(module(TYPED))


def python_targets(tool: Tool) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        step = pb.compile([x], [x + 1], target="oracle")
    np.testing.assert_array_equal(step(np.zeros(3, np.float32))[0], [1, 1, 1])
    assert step.ir("size").strip().isdigit()


# ---- pages ------------------------------------------------------------------------------------------------------

ON_THE_PAGE = {
    "operations": "### `my.cube`\n\nx * x * x.\n",
    "gradient rules": "- `math.cos`: rule\n",
    "dialects": "- `other`\n- `my`\n",
    "passes": "- `no-cubes{only=<str|None>}`: Replaces cubes by products.; `only`: The name",
    "pipelines": "- `cubeless`: a graph without cubes; `no-cubes,",
    "kinds": "- `one_by_one`: each point of P by itself, one after the other\n",
    "targets": "- `oracle`: the evaluator by another name\n",
    "forms of output": "- `names`: The names of the operations.\n",
}

CONSUMERS: dict[str, dict[str, Callable[[Tool], None]]] = {
    "pullback-opt": {
        "operations": opt_operations,
        "dialects": opt_dialects,
        "gradient rules": opt_rules,
        "passes": opt_passes,
        "pipelines": opt_pipelines,
        "kinds": opt_kinds,
        "targets": opt_targets,
        "forms of output": opt_forms,
    },
    "lists": {
        "operations": list_operations,
        "dialects": list_operations,
        "gradient rules": list_rules,
        "passes": list_passes,
        "pipelines": list_pipelines,
        "kinds": opt_kinds,  # no list has them
        "targets": list_targets,
        "forms of output": list_forms,
    },
    "pullback-run": {
        "operations": run_operations,
        "dialects": opt_dialects,  # what runs are graph operations
        "gradient rules": run_rules,
        "passes": run_passes,
        "pipelines": run_pipelines,
        "kinds": run_kinds,
        "targets": run_targets,
        "forms of output": opt_forms,  # it prints none
    },
    "Python": {
        "operations": python_operations,
        "dialects": python_dialects,
        "gradient rules": python_rules,
        "passes": python_passes,
        "pipelines": python_pipelines,
        "kinds": python_kinds,
        "targets": python_targets,
        "forms of output": list_forms,  # tools alone print in forms
    },
}


def test_no_registry_is_forgotten() -> None:
    registries = {registry.plural for registry in REGISTRIES}
    assert all(set(cells) == registries for cells in (*CONSUMERS.values(), ON_THE_PAGE))


@pytest.mark.parametrize(
    ("consumer", "registry"), [(consumer, name) for consumer, cells in CONSUMERS.items() for name in cells]
)
def test_what_is_brought_is_known(consumer: str, registry: str, tool: Tool) -> None:
    CONSUMERS[consumer][registry](tool)


def test_the_page_has_all(page: str) -> None:
    assert [name for name in ON_THE_PAGE if f"## {name.capitalize()}\n\n" not in page] == []
    assert [name for name, text in ON_THE_PAGE.items() if text not in page] == []


def test_our_own_pages_have_none_of_it(cubes: None) -> None:
    context().get_op("my.cube")
    made = {name: make() for name, make in generate.GENERATED.items()}
    assert [
        name for name, text in made.items() if "cube" in text and (generate.ROOT / name).read_text() != text
    ] == []
