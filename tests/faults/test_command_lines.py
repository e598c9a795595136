"""Both tools on arbitrary command lines and files: one message with its position, never a raw error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pullback.driver import run_function
from pullback.driver.targets import registry
from pullback.passes.pipeline.pipelines import PipelineError, parse_passes
from pullback.tools import opt, run
from pullback.tools.passes import available_passes

SINE = """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.sin %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
"""

Fails = Callable[..., str]


# ---- memory, disks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["", "Unable to allocate 1. PiB"])
def test_out_of_memory(fails: Fails, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    def allocate(*arguments: object) -> None:
        raise MemoryError(said)

    short_of_memory = replace(registry.target_named("numpy"), run_graph=allocate)
    monkeypatch.setattr(run_function, "target_named", lambda name: short_of_memory)
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
