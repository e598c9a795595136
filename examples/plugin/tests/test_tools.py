"""`pullback-opt`, `pullback-run` and stock `xdsl-opt` know what the package brings."""

import json

import pytest

LISTED = {
    "passes": "merge-thresholds: Replaces soft thresholds one after the other by one of their sum.",
    "pipelines": "sparse: merge-thresholds,inline-calls,generate-gradients,",
    "ops": "graph.soft_threshold(operand) -> (result): sign(x) * max(|x| - threshold, 0)",
    "gradients": "shrink.keep_largest: rule",
    "plugins": "shrinkage (shrinkage 1.0): ",
}
VALUES = "z = [0.0, -1.25, 2.25, 0.0]\ndx = [0.0, 1.0, 1.0, 0.0]\n"
INPUT = ("--input", "x=[1, -2, 3, 0.1]", "--values")


@pytest.mark.parametrize("name", LISTED)
def test_lists(tools, name):
    assert [
        line
        for line in tools.output("pullback-opt", f"--list-{name}").splitlines()
        if line.startswith(LISTED[name])
    ]


def test_lists_as_json(tools):
    (plugin,) = json.loads(tools.output("pullback-opt", "--list-plugins", "--json"))
    assert plugin["brings"] == {
        "operations": ["graph.soft_threshold", "shrink.keep_largest"],
        "dialects": ["shrink"],
        "passes": ["merge-thresholds"],
        "kinds": ["one_by_one"],
        "pipelines": ["sparse"],
        "targets": ["checked"],
    }
    assert {"name": "shrink.keep_largest", "gradient": "rule"} in json.loads(
        tools.output("pullback-opt", "--list-gradients", "--json")
    )


def test_what_is_printed_is_parsed(tools):
    printed = tools.output("pullback-opt", "p.mlir")
    assert "%a = graph.soft_threshold %x {threshold = 5.000000e-01 : f64} : tensor<4xf32>" in printed
    assert "%z = shrink.keep_largest %y {k = 2 : i64, axis = 0 : i64} : tensor<4xf32>" in printed
    assert tools.output("pullback-opt", text=printed) == printed
    generic = tools.output("pullback-opt", "p.mlir", "--print-op-generic")
    assert tools.output("pullback-opt", text=generic) == printed


@pytest.mark.parametrize("target", ["numpy", "cpu", "checked"])
def test_values(tools, target):
    assert tools.output("pullback-run", "p.mlir", "-p", "sparse", "--target", target, *INPUT) == VALUES


def test_the_pass_and_its_pipeline(tools):
    merged = tools.output("pullback-opt", "p.mlir", "-p", "merge-thresholds,dce")
    assert merged.count("graph.soft_threshold") == 1
    assert "threshold = 7.500000e-01 : f64" in merged
    one_run = tools.output("pullback-opt", "p.mlir", "-p", "sparse,kernels")
    levels = tools.output("pullback-opt", "p.mlir", "-p", "sparse")
    assert tools.output("pullback-opt", "-p", "kernels", text=levels) == one_run
    assert tools.output("pullback-run", "--target", "cpu", *INPUT, text=one_run) == VALUES


def test_what_the_pass_leaves(tools):
    program = (tools.folder / "p.mlir").read_text().replace("threshold = 0.25", "threshold = -0.25")
    merged = tools.output("pullback-opt", "-p", "merge-thresholds,dce", text=program)
    assert merged.count("graph.soft_threshold") == 2


def test_one_operation_is_in_a_kernel_and_the_other_on_the_host(tools):
    lines = tools.output("pullback-opt", "p.mlir", "-p", "sparse,kernels").splitlines()

    def indents(op):
        return [len(line) - len(line.lstrip()) for line in lines if f"= {op} " in line]

    assert indents("graph.soft_threshold") == [6]
    assert indents("shrink.keep_largest") == [4]


def test_a_kernel_of_the_kind(tools):
    kernels = tools.output("pullback-opt", "p.mlir", "-p", "sparse,kernels")
    edited = kernels.replace("kind = pointwise", "kind = one_by_one")
    assert edited != kernels
    loops = tools.output("pullback-opt", "-p", "loops", text=edited)
    assert "vector." not in loops
    for target in ("cpu", "checked"):
        assert tools.output("pullback-run", "--target", target, *INPUT, text=edited) == VALUES


def test_explain(tools):
    assert "shrink.keep_largest" in tools.output("pullback-opt", "p.mlir", "--explain", "z:x")


def test_check_gradients(tools):
    tools.output("pullback-opt", "p.mlir", "-p", "check-gradients")


def test_stock_xdsl_opt(tools):
    printed = tools.output("xdsl-opt", "p.mlir", "-p", "merge-thresholds,generate-gradients,canonicalize")
    assert printed.count("graph.soft_threshold") == 1
    assert "graph.gradient_results" in printed
    ours = tools.output("pullback-opt", "p.mlir", "-p", "sparse")
    assert "shrink.keep_largest" in tools.output("xdsl-opt", text=ours)


def test_stock_xdsl_opt_imports_what_it_uses(tools):
    script = (
        "import atexit, sys; from xdsl.tools.xdsl_opt import main;"
        "atexit.register(lambda: print(*sorted(sys.modules.keys() & {'pullback', 'shrinkage.operations'}))); main()"
    )
    for text, imported in (
        ("builtin.module {}", ""),
        ('"shrink.none"() : () -> ()', "pullback shrinkage.operations"),
    ):
        done = tools.run("python", "-c", script, "--allow-unregistered-dialect", text=text)
        assert done.stdout.splitlines()[-1] == imported


WRONG = {
    "k = 2": (
        "k = 7",
        "p.mlir:4:3: error: 'shrink.keep_largest': shrink.keep_largest: k_c1: k must be 1 to 4, got 7",
    ),
    "keep_largest": (
        "keep_larges",
        "p.mlir:4:8: error: unknown operation 'shrink.keep_larges'; did you mean 'shrink.keep_largest'?",
    ),
}


@pytest.mark.parametrize("written", WRONG)
def test_wrong_programs(tools, written):
    instead, message = WRONG[written]
    program = tools.folder / "p.mlir"
    program.write_text(program.read_text().replace(written, instead))
    done = tools.run("pullback-opt", "p.mlir")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, message)
