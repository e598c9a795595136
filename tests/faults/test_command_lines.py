"""Both tools on whatever a command line or a file may hold: one message with its place, never a raw error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pullback.passes.pipelines import PipelineError, parse_passes
from pullback.tools import execution, opt, run
from pullback.tools.passes import available_passes

SINE = """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.sin %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
"""
SCHEDULE = 'schedule {kind = "pointwise", parallel = array<i64: 4>, vector = 16 : i64}'

Fails = Callable[..., str]


@pytest.fixture
def fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Fails:
    """Runs a tool on a text, expects exit status 1; what it says, with the file's name left out."""

    def check(text: str, *arguments: str, tool: Callable[[list[str]], int] = opt.main) -> str:
        path = tmp_path / "program.mlir"
        path.write_text(text)
        assert tool([str(path), *arguments]) == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "internal error" not in said
        return said.replace(str(path), "FILE")

    return check


# ---- programs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passes", ["", "kernels", "kernels,loops", "lower-to-loops", "verify-level{level=kernels}"]
)
def test_values_of_a_kernel_and_around_it(fails: Fails, passes: str) -> None:
    head = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %c = graph.exp %x : tensor<4xf32>\n"
    kernel = f"  %y = graph.kernel %x {SCHEDULE} : tensor<4xf32> {{\n  ^bb0(%a: tensor<4xf32>):\n"
    tail = "    %b = graph.exp %a : tensor<4xf32>\n    graph.yield %b : tensor<4xf32>\n  }\n"
    end = "  func.return %y : tensor<4xf32>\n}\n"
    outside = f"{head}{kernel}{tail.replace('yield %b', 'yield %c')}{end}"
    said = fails(outside, "-p", passes)
    assert said.startswith(
        "FILE:6:5: error: 'graph.yield': %c is defined outside of the 'graph.kernel' around it"
    )
    said = fails(f"{head}{kernel}{tail}{end.replace('%y', '%b')}", "-p", passes)
    assert said.startswith("FILE:8:15: error: value %b is used but not defined")
    own = f"{head}{kernel.replace('kernel %x', 'kernel %b')}{tail}{end}"
    assert fails(own, "-p", passes).startswith("FILE:3:21: error: value %b is used outside of the region")


def test_shapes_below_zero(fails: Fails) -> None:
    for type_ in ("tensor<-1x4xf32>", "memref<-1x4xf32>", "vector<-1xf32>", "!graph.ref<tensor<-1xf32>>"):
        assert "FILE:1:" in fails(f"func.func @f(%x: {type_}) {{ func.return }}")
    for op in (f"graph.constant dense<1.0> : {type_}" for type_ in ("tensor<-1xf32>", "tensor<2x-3xf32>")):
        assert "FILE:1:" in fails(f"func.func @f() {{ %c = {op} func.return }}")
    assert "FILE:1:" in fails("func.func @f() { %m = memref.alloc() : memref<-1x2xf32> func.return }")


def test_what_llvm_ir_lacks(fails: Fails) -> None:
    text = """func.func @main(%x: memref<4xi32>) {
  %i = arith.constant 0 : index
  %a = memref.load %x[%i] : memref<4xi32>
  %l, %h = arith.mulsi_extended %a, %a : i32
  memref.store %h, %x[%i] : memref<4xi32>
  func.return
}
func.func private @two(%a: i32) -> (i32, i32) {
  func.return %a, %a : i32, i32
}
"""
    said = fails(text, "-t", "llvm-ir")
    assert said.startswith("FILE:4:3: error: 'arith.mulsi_extended' cannot be printed as LLVM IR")
    calls = text.replace("arith.mulsi_extended %a, %a : i32", "func.call @two(%a) : (i32) -> (i32, i32)")
    said = fails(calls, "-t", "llvm-ir")
    assert said.startswith("FILE:4:3: error: 'func.call' cannot be printed as LLVM IR")
    assert "at most one value" in said
    assert "FILE:4:3: error: " in fails(text, "--target", "cpu", "--input", "x=[1,2,3,4]", tool=run.main)


def test_operations_whose_verifiers_raise_anything(fails: Fails) -> None:
    text = """func.func @f(%a: i32) {
  %r, %s = scf.while (%u = %a, %v = %a) : (i32, i32) -> (i32, f32) {
    %more = arith.cmpi ne, %u, %v : i32
    scf.condition(%more) %u, %v : i32, i32
  } do {
  ^bb0(%m: i32, %n: i32):
    scf.yield %n, %m : i32, i32
  }
  func.return
}
"""
    assert fails(text).startswith("FILE:2:3: error: 'scf.while': ")


def on_memory(arguments: str, *lines: str, before: str = "") -> str:
    """A function on memory, and what stands before it."""
    body = "".join(f"  {line}\n" for line in (*lines, "func.return"))
    return f"{before}func.func @main({arguments}) {{\n{body}}}\n"


def load(element: str) -> tuple[str, str]:
    return "%i = arith.constant 0 : index", f"%a = memref.load %x[%i] : memref<4x{element}>"


READ = "%g = memref.get_global @g : memref<4xf32>"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            on_memory("%x: memref<4xf80>"),
            {"numpy": "--input x: it is memref<4xf80>, which no array is a value of"},
        ),
        (on_memory("%x: memref<?x4xf32>"), {"cpu": "--input x is missing: a memref<?x4xf32> has no shape"}),
        (
            on_memory("%x: memref<4xf32>, %n: i32"),
            {"simt": "--input n: it is i32, which no array is a value of"},
        ),
        (on_memory("%x: memref<4xf32>", READ), {"cpu": "FILE:2:3: error: 'memref.get_global': there is no"}),
        (
            on_memory(
                "%x: memref<4xf32>", READ, before='memref.global "private" @g : memref<2xf32> = dense<0.0>\n'
            ),
            {"cpu": "FILE:3:3: error: 'memref.get_global': @g is memref<2xf32>, not memref<4xf32>"},
        ),
        (
            on_memory("%x: memref<4xf32>", READ, before='memref.global "private" @g : memref<4xf32>\n'),
            dict.fromkeys(("numpy", "cpu"), "FILE:1:1: error: "),
        ),
        (
            on_memory(
                "%x: memref<4xf32>", before='memref.global "private" @g : memref<4xi1> = dense<true>\n'
            ),
            {
                "cpu": "FILE:1:1: error: 'memref.global' cannot be printed as LLVM IR: i1 has no place in memory"
            },
        ),
        (on_memory("%x: memref<4xi1>", *load("i1")), {"cpu": "FILE:1:1: error: 'func.func' cannot be"}),
        (
            on_memory("%x: memref<4xf16>", *load("f16"), "%b = math.exp %a : f16"),
            {
                "cpu": "FILE:4:3: error: 'math.exp' cannot be printed as LLVM IR: the math library has no exp for f16"
            },
        ),
        (
            on_memory("%x: memref<4xi32>", *load("i32"), "%w = arith.extsi %a : i32 to i128"),
            {"numpy": "FILE:4:3: error: i128 has no NumPy dtype here"},
        ),
        (
            on_memory("%x: memref<4xi32>", *load("i32"), "%w = arith.extsi %a : i32 to i9999999"),
            {"cpu": "FILE:1:1: error: LLVM refuses the program: "},
        ),
        (
            on_memory(
                "%x: memref<4xf32>",
                "func.call @e(%x) : (memref<4xf32>) -> ()",
                before="func.func private @e(memref<4xf32>) -> ()\n",
            ),
            dict.fromkeys(("numpy", "cpu", "simt"), "FILE:1:1: error: "),
        ),
        (
            on_memory("%x: memref<4xf32>", "func.call @main(%x) : (memref<4xf32>) -> ()"),
            {
                "cpu": "FILE:1:1: error: 'func.func' cannot be printed as LLVM IR: recursion: @main calls @main"
            },
        ),
    ],
)
def test_functions_on_memory_that_no_target_runs(fails: Fails, text: str, messages: dict[str, str]) -> None:
    for target, message in messages.items():
        assert message in fails(text, "--target", target, tool=run.main)


@pytest.mark.parametrize(
    "type_", ["tensor<4xf80>", "!graph.slices<tensor<2xf32>, tensor<2xi32>, tensor<5xf32>>"]
)
def test_arguments_that_no_array_is(fails: Fails, type_: str) -> None:
    text = f"func.func @main(%x: {type_}) -> {type_} {{\n  func.return %x : {type_}\n}}\n"
    for target in ("numpy", "cpu", "simt"):
        said = fails(text, "--input", "x=[1, 2]", "--target", target, tool=run.main)
        assert said == f"pullback-run: error: --input x: it is {type_}, which no array is a value of\n"


def test_gradients_are_checked_of_functions_on_tensors(fails: Fails, tmp_path: Path) -> None:
    text = on_memory("%x: memref<4xf32>", "func.call @main(%x) : (memref<4xf32>) -> ()")
    assert "@main is no function on tensors" in fails(text, "-p", "check-gradients{function=main}")
    assert opt.main([str(tmp_path / "program.mlir"), "-p", "check-gradients", "-o", "/dev/null"]) == 0


# ---- memory, disks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["", "Unable to allocate 1. PiB"])
def test_out_of_memory(fails: Fails, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    def allocate(*arguments: object) -> None:
        raise MemoryError(said)

    monkeypatch.setitem(execution.GRAPH_RUNNERS, "numpy", allocate)
    message = fails(SINE, "--input", "x=[1, 2, 3, 4]", tool=run.main).splitlines()[0]
    assert message == f"FILE:1:1: error: out of memory{': ' if said else ''}{said}"


def test_memory_that_is_not_there(fails: Fails) -> None:
    text = SINE.replace("tensor<4xf32>", "tensor<1048576x1048576x1024xf32>").replace(
        "%x: ", "%n: tensor<f32>, %x: "
    )
    text = text.replace("%x: tensor<1048576x1048576x1024xf32>", "%x: tensor<f32>")
    text = text.replace("%y = graph.sin %x", "%b = graph.broadcast_to %x : (tensor<f32>) -> "
                        "tensor<1048576x1048576x1024xf32>\n  %y = graph.sin %b")  # fmt: skip
    for target in ("numpy", "cpu"):
        said = fails(text, "--input=x=1", "--input=n=1", "--target", target, tool=run.main)
        assert "out of memory" in said or "llocate" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("tool", ["opt", "run"])
@pytest.mark.parametrize("what", ["program", "--help", "closed"])
def test_a_full_disk(tool: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(SINE)
    given = ["--input", "x=[1, 2, 3, 4]"] if tool == "run" else []
    arguments = ["--help"] if what == "--help" else [str(path), *given]
    command = [sys.executable, "-m", f"pullback.tools.{tool}", *arguments]
    redirected = f'exec "$@" {">&-" if what == "closed" else ">/dev/full"}'
    done = subprocess.run(
        ["bash", "-c", redirected, "-", *command], stderr=subprocess.PIPE, text=True, check=False
    )
    reason = "it is closed" if what == "closed" else "No space left on device"
    assert (done.returncode, done.stderr) == (1, f"<stdout>: error: cannot write: {reason}\n")


# ---- arguments -------------------------------------------------------------------------------------------------


def test_long_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: Fails) -> None:
    numbers = [0.5] * 4000
    path = tmp_path / "long.mlir"
    path.write_text(SINE.replace("4xf32", "4000xf32").replace("graph.sin", "graph.negative"))
    assert run.main([str(path), "--input", f"x={numbers}", "--values"]) == 0
    assert capsys.readouterr().out.count("-0.5") == 4000
    for wrong in (f"x={numbers}", f"x={'n' * 300}.npy", "x=" + "[" * 300, "x=a\0b", "x=", "x=" + "9" * 5000):
        said = fails(SINE, "--input", wrong, tool=run.main)
        assert said.startswith("pullback-run: error: --input x=")
        assert len(said) < 400


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "cse", "-p", "dce"],
        ["-p", "cse", "--passes=dce"],
        ["-t", "mlir", "--target", "mlir"],
        ["-o", "a", "-o", "b"],
        ["--print-ir-dir", "a", "--print-ir-dir", "b"],
    ],
)
def test_options_given_twice(fails: Fails, arguments: list[str]) -> None:
    assert "is given twice" in fails(SINE, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [["--target", "cpu", "--target=cpu"], ["-p", "cse", "-p", "cse"], ["--function=f", "--function=g"]],
)
def test_options_given_twice_to_run(fails: Fails, arguments: list[str]) -> None:
    assert "is given twice" in fails(SINE, *arguments, tool=run.main)


def test_targets_are_those_of_our_levels(fails: Fails, capsys: pytest.CaptureFixture[str]) -> None:
    assert opt.main(["--list-targets"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "llvm-ir",
        "cuda-cpp",
    ]
    for target in ("llvm", "arm-asm", "csl", "mps"):
        said = fails(SINE, "-t", target)
        assert said.startswith(
            f"<target>:1:1: error: unknown target '{target}'; expected one of mlir, llvm-ir, cuda"
        )
    for wrong, message in {
        "llvm-ir,mlir": "<target>:1:1: error: expected one of mlir",
        "": "<target>:1:1: error: expected one of mlir",
        "llvm-ir{": "<target>:1:9: error: expected the name of an option",
        "llvm-ir{x=1}": "<target>:1:1: error: target 'llvm-ir': ",
        "$": "<target>:1:1: error: unexpected '$'",
    }.items():
        assert fails(SINE, "-t", wrong).startswith(message)


# ---- the text of pipelines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "canonicalize, cse",
        " canonicalize ,cse ",
        "canonicalize,\n  cse\n",
        "\tcanonicalize\n,\ncse,",
        "canonicalize{ } , cse {\n}",
    ],
)
def test_blanks_and_newlines(text: str) -> None:
    assert [str(p) for p in parse_passes(text)] == ["canonicalize", "cse"]


def test_options_are_read_as_they_are_printed() -> None:
    text = "check-gradients{ order=1\n wrt=x, w step = 1e-05 seed=-3 low=-2.5 report }"
    (read,) = parse_passes(text, available_passes())
    assert parse_passes(str(read), available_passes()) == (read,)
    assert str(read) == 'check-gradients{order=1 wrt="x","w" seed=-3 step=1e-05 low=-2.5 report=true}'


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("aggregate-gradients{method=tree method=add_n}", (1, 33), "option 'method' is given twice"),
        ("form-kernels{max_ops=1 max-ops=2}", (1, 24), "option 'max-ops' is given twice"),
        ("aggregate-gradients{method=tree, seed=1}", (1, 38), "expected a blank between options"),
        ("canonicalize cse", (1, 14), "expected a comma between passes"),
        ("canonicalize,\n\n  ,cse", (3, 3), "expected the name of a pass, got ,"),
        ("cse,\n\n  xx", (3, 3), "unknown pass or pipeline 'xx'"),
        ("cse{", (1, 5), "expected the name of an option, or }, got the end"),
        ('cse{x="', (1, 7), "unexpected '\"'"),
        ("cse}", (1, 4), "expected a comma between passes"),
        ("{", (1, 1), "expected the name of a pass"),
        ("cse{x=}", (1, 7), "expected a value"),
        ("cse{x=1,}", (1, 9), "expected a value"),
        ("é", (1, 1), "unexpected 'é'"),
        ("cse[dce]", (1, 4), "only mlir-opt takes a pipeline"),
    ],
)
def test_what_a_pipeline_may_not_say(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse_passes(text)
    assert message in caught.value.message
    location = caught.value.span.get_location()
    assert (location.line, location.col) == place
