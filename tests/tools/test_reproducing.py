"""Reproducers of both tools: written on request and after crashes, and repeated to the letter."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.reproducer import CrashReproducer, parse_reproducer
from pullback.extend import register, unregister
from pullback.passes.kernels.memory.plan_memory import PlanMemory
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.tools import opt, run

PROGRAM = """\
func.func @main(%x: tensor<70xf32>) -> tensor<70xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<70xf32>>
  %v = graph.read %w : (!graph.ref<tensor<70xf32>>) -> tensor<70xf32>
  %y = graph.multiply %x, %v : tensor<70xf32> loc("y")
  graph.assign %w, %y : !graph.ref<tensor<70xf32>>, tensor<70xf32>
  func.return %y : tensor<70xf32>
}
"""


@dataclass(frozen=True)
class Breaks(ModulePass):
    """Raises what a pass with a bug raises."""

    name = "breaks"
    invalid: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.invalid:
            raise KeyError("x")
        next(o for o in op.walk() if o.name == "func.return").detach()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, and a pass that fails."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    register(Breaks)
    yield folder
    unregister(Breaks)


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    np.save(tmp_path / "x.npy", np.arange(70, dtype=np.float32))
    return str(path)


Tool = Callable[[list[str]], int]


def outcome(capsys: pytest.CaptureFixture[str], tool: Tool, *arguments: str) -> tuple[int, str, str]:
    status = tool(list(arguments))
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "gradients,finish"],
        ["-p", "canonicalize, cse", "--no-locations", "--max-operations", "7"],
        ["-p", "verify-level{level=loops}"],
        ["--explain=%x"],
        ["-p", "kernels,loops", "-t", "llvm-ir"],
        ["-p", "kernels", "--report=memory", "--disable-verify"],
    ],
)
def test_a_run_of_passes_is_repeated(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path, arguments: list[str]
) -> None:
    path = str(tmp_path / "r.mlir")
    status, out, err = outcome(capsys, opt.main, program, *arguments, "--reproducer", path)
    again = outcome(capsys, opt.main, "--run-reproducer", path)
    assert (again[0], again[1].replace(path, program)) == (status, out)
    without_note = re.sub("^note: reproducer generated.*\n", "", err, flags=re.MULTILINE)
    assert again[2].replace(path, program) == without_note


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_a_run_on_arrays_is_repeated_without_their_files(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path, target: str
) -> None:
    path, ones = str(tmp_path / "r.mlir"), [1.5] * 70
    arguments = [f"--input=x={tmp_path / 'x.npy'}", f"--variable=w={ones}", f"--target={target}", "--values"]
    first = outcome(capsys, run.main, program, *arguments, "--reproducer", path)
    assert first[0] == 0
    (tmp_path / "x.npy").unlink()
    Path(program).unlink()
    assert outcome(capsys, run.main, path, "--run-reproducer") == first
    # The other tool runs the passes, of which there are none.
    status, out, err = outcome(capsys, opt.main, path, "--run-reproducer", "-p", "dce")
    assert (status, err) == (0, "note: pullback-run wrote the reproducer; pullback-opt runs its passes\n")
    assert "graph.multiply" in out
    # Other options may be added.
    assert outcome(capsys, run.main, path, "--run-reproducer", "--output", str(tmp_path / "out"))[0] == 0
    assert np.load(tmp_path / "out" / "w.npy")[2] == 3


def test_passes_that_are_run_on_arrays_are_repeated_without_their_files(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "r.mlir")
    arguments = ["-p", "canonicalize,cse", "--verify-each=run", f"--input=x={tmp_path / 'x.npy'}"]
    first = outcome(capsys, opt.main, program, *arguments, "--reproducer", path)
    assert first[0] == 0
    (tmp_path / "x.npy").unlink()
    assert outcome(capsys, opt.main, "--run-reproducer", path) == first
    made = parse_reproducer(Path(path).read_text())
    assert made.arguments == ("--verify-each=run",)
    assert made.inputs[0].startswith("x=base64:")


@pytest.mark.parametrize("tool", [opt.main, run.main])
@pytest.mark.parametrize("options", ["", "{invalid=true}"])
def test_an_internal_error_leaves_a_reproducer(
    capsys: pytest.CaptureFixture[str], program: str, scratch: Path, tool: Tool, options: str
) -> None:
    given = ["--input=x=[]", "--variable=w=[]"] if tool is run.main else []
    pipeline = f"canonicalize,breaks{options},cse"
    status, out, err = outcome(capsys, tool, program, "-p", pipeline, *given)
    (path,) = scratch.iterdir()
    name = "pullback-run" if tool is run.main else "pullback-opt"
    assert (status, out) == (1, "")
    assert f"note: reproducer generated at {path}; repeat with {name} --run-reproducer {path}" in err
    made = parse_reproducer(path.read_text())
    assert (made.program, made.pipeline, made.tool) == (PROGRAM, pipeline, name)
    assert made.error == err.splitlines()[0]
    status, _, again = outcome(capsys, tool, "--run-reproducer", str(path))
    assert status == 1
    assert again.splitlines()[0] == made.error.replace(program, str(path))
    assert "reproducer generated" not in again and list(scratch.iterdir()) == [path]


def test_commands_that_repeat_can_be_pasted(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    path = tmp_path / "it's a file.mlir"
    err = outcome(capsys, opt.main, program, "-p", "breaks", "--crash-reproducer", str(path))[2]
    command = err.partition("; repeat with ")[2].splitlines()[0]
    assert shlex.split(command) == ["pullback-opt", "--run-reproducer", str(path)]


def test_an_error_that_is_expected_leaves_none(
    capsys: pytest.CaptureFixture[str], program: str, scratch: Path
) -> None:
    first = PROGRAM.replace("  func.return", "  // expected-error@-1 {{terminates block}}\n  func.return")
    Path(program).write_text(f"{first}// -----\n\nnosuch.op\n")
    options = ["-p", "breaks{invalid=true}", "--split-input-file", "--verify-diagnostics"]
    assert "unknown operation 'nosuch.op'" in outcome(capsys, opt.main, program, *options)[2]
    assert list(scratch.iterdir()) == []


def test_errors_of_users_leave_none(capsys: pytest.CaptureFixture[str], program: str, scratch: Path) -> None:
    assert outcome(capsys, opt.main, program, "-p", "verify-level{level=loops}")[0] == 1
    assert outcome(capsys, opt.main, program, "-p", "breaks{invalid=true}", "--disable-verify")[0] == 0
    assert list(scratch.iterdir()) == []


def test_only_a_crash_writes_that_of_crashes(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path, scratch: Path
) -> None:
    path = tmp_path / "r.mlir"
    option = f"--mlir-pass-pipeline-crash-reproducer={path}"
    assert outcome(capsys, opt.main, program, "-p", "cse", option)[0] == 0
    assert not path.exists()
    assert outcome(capsys, opt.main, program, "-p", "cse,verify-level{level=loops}", option)[0] == 1
    assert parse_reproducer(path.read_text()).error.endswith("level 'loops' (CPU loops over memory)")
    assert list(scratch.iterdir()) == []


def test_a_local_reproducer_holds_the_pass_that_failed(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    path = tmp_path / "r.mlir"
    arguments = [
        "--input=x=[]",
        "-p",
        "form-kernels,breaks",
        "--crash-reproducer",
        str(path),
        "--local-reproducer",
    ]
    error = outcome(capsys, run.main, program, *arguments)[2]
    made = parse_reproducer(path.read_text())
    assert (made.tool, made.pipeline) == ("pullback-opt", "breaks")
    assert "graph.kernel" in made.program
    assert f"repeat with pullback-opt --run-reproducer {path}" in error
    assert "KeyError: 'x'" in outcome(capsys, opt.main, "--run-reproducer", str(path))[2]


def test_a_pass_of_a_target_that_fails(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline of the target is part of the run, and its passes have local reproducers, too."""
    path = tmp_path / "r.mlir"

    def broken(self: PlanMemory, ctx: Context, op: ModuleOp) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(PlanMemory, "apply", broken)
    arguments = [f"--input=x={[1] * 70}", f"--variable=w={[1] * 70}", "--target=cpu"]
    error = outcome(
        capsys, run.main, program, *arguments, "--crash-reproducer", str(path), "--local-reproducer"
    )[2]
    made = parse_reproducer(path.read_text())
    assert made.pipeline.startswith("plan-memory")
    assert "graph.kernel" in made.program
    assert made.error == error.splitlines()[0]
    assert "a bug" in outcome(capsys, opt.main, "--run-reproducer", str(path))[2]


def test_a_reproducer_writes_no_files(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    path, victim = tmp_path / "r.mlir", tmp_path / "victim"
    arguments = f'"arguments": ["--print-ir-dir={victim}", "--output-file={victim}", "--no-locations"]'
    path.write_text(PROGRAM + f"// pullback-reproducer: {{\n// {arguments}\n// }}\n")
    status, out, _ = outcome(capsys, opt.main, "--run-reproducer", str(path))
    assert status == 0
    assert "loc(" not in out
    assert not victim.exists()


def test_another_version_or_tool_is_a_note(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    path = tmp_path / "r.mlir"
    path.write_text(PROGRAM + '// pullback-reproducer: {\n// "versions": {"pullback": "0.0.1"}\n// }\n')
    status, out, err = outcome(capsys, opt.main, "--run-reproducer", str(path))
    assert status == 0
    assert out.startswith("builtin.module")
    assert err.startswith("note: the reproducer is of pullback 0.0.1; here are pullback ")
    status, _, err = outcome(capsys, run.main, "--run-reproducer", str(path))
    assert "note: pullback-opt wrote the reproducer; pullback-run runs its passes" in err
    assert "inputs are missing" in err


def test_what_is_wrong_with_a_reproducer(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    for tool in (opt.main, run.main):
        assert "error: no reproducer" in outcome(capsys, tool, "--run-reproducer", program)[2]
        assert (
            "cannot read: No such file" in outcome(capsys, tool, "--run-reproducer", str(tmp_path / "no"))[2]
        )
        assert (
            "cannot write: " in outcome(capsys, tool, program, "--reproducer", str(tmp_path / "no" / "r"))[2]
        )
    path = tmp_path / "r.mlir"
    for tool, values, message in (
        (opt.main, '"arguments": ["--nosuch"]', "unrecognized arguments: --nosuch"),
        (opt.main, '"pipeline": "cse,nosuch"', "<pipeline>:1:5: error: unknown pass or pipeline 'nosuch'"),
        (run.main, '"tool": "pullback-run", "target": "abacus"', "invalid choice: 'abacus'"),
        (run.main, '"tool": "pullback-run", "function": "g"', "the program has no such function"),
        (run.main, '"tool": "pullback-run", "inputs": ["x=base64:#"]', "not a .npy file of numbers"),
        (run.main, '"tool": "pullback-run", "inputs": ["x=a\\u0000.npy"]', "expected strings without null"),
        (run.main, '"tool": "pullback-run", "function": "\\ud800"', "expected strings without null"),
        (run.main, '"tool": "pullback-run", "target": "cpu", "arguments": ["--target=cpu"]', "given twice"),
    ):
        path.write_text(f"{PROGRAM}// pullback-reproducer: {{\n// {values}\n// }}\n")
        status, out, err = outcome(capsys, tool, "--run-reproducer", str(path))
        assert (status, out) == (1, "")
        assert message in err
        assert "Traceback" not in err


def test_a_reproducer_that_cannot_be_written_does_not_hide_the_error(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path
) -> None:
    option = f"--crash-reproducer={tmp_path / 'no' / 'r.mlir'}"
    error = outcome(capsys, opt.main, program, "-p", "breaks", option)[2]
    assert "internal error: KeyError: 'x'" in error
    assert "note: no reproducer could be written: No such file or directory" in error


def test_what_kills_the_process_leaves_the_reproducer_that_was_asked_for(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written before the first pass runs; here an interrupt stands for a crash of native code."""

    def killed(self: Breaks, ctx: Context, op: ModuleOp) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Breaks, "apply", killed)
    path = tmp_path / "r.mlir"
    assert opt.main([program, "-p", "breaks", "--reproducer", str(path)]) == 130
    assert parse_reproducer(path.read_text()).pipeline == "breaks"


def test_a_crash_in_python(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "crash.mlir"
    module = parse(context(), PROGRAM).module
    with pytest.raises(KeyError) as caught, instrumented(CrashReproducer(path)):
        run_passes(context(), module, parse_passes("cse,breaks,dce"))
    assert any(f"--run-reproducer {path}" in note for note in caught.value.__notes__)
    made = parse_reproducer(path.read_text())
    assert (made.pipeline, made.error) == ("breaks", "KeyError: 'x'")
    assert "KeyError: 'x'" in outcome(capsys, opt.main, "--run-reproducer", str(path))[2]
