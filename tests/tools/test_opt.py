"""`pullback-opt` end to end: standard output and error, exit status, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.pipeline import pipelines
from pullback.passes.pipeline.pipelines import Pipeline
from pullback.tools import opt

PROGRAM = "func.func @f(%x: i32) -> i32 {\n  %y = arith.addi %x, %x : i32\n  func.return %y : i32\n}\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def with_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[ModulePass]], None]:
    """Makes a pass of the test known to the tool."""

    def add(cls: type[ModulePass]) -> None:
        known = {**pipelines.own_passes(), cls.name: lambda: cls}
        monkeypatch.setattr(opt, "own_passes", lambda: known)

    return add


def fails(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the tool, expect exit status 1, no output and no traceback; the errors it printed."""
    assert opt.main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    return printed.err


def test_syntax_error_has_a_place_and_a_caret(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    program.write_text("func.func @f() {\n  func.return 1\n}\n")
    place, line, caret = fails(capsys, program).splitlines()
    assert place.startswith(f"{program}:2:15: error: ")
    assert (line, caret) == ("  func.return 1", "              ^")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\xff\xfe", "not UTF-8 text"),
        (b"a\0b", "error: unexpected character"),
        (b"loc", "error: "),
        (b'"test.op"() ({\n' * 5000, "nested too deeply"),
        (b"func.func @f(%x: tensor<4x", "error: "),
        (b'func.func @f() {\n  %c = arith.constant "s" : i32\n}', "2:27: error: "),
    ],
)
def test_any_bytes_are_an_error_not_a_traceback(
    capsys: pytest.CaptureFixture[str], program: Path, content: bytes, message: str
) -> None:
    program.write_bytes(content)
    assert message in fails(capsys, program, "--allow-unregistered-dialect")


def test_files_that_cannot_be_used(capsys: pytest.CaptureFixture[str], program: Path, tmp_path: Path) -> None:
    assert "cannot read: No such file" in fails(capsys, tmp_path / "missing.mlir")
    assert "cannot read: Is a directory" in fails(capsys, tmp_path)
    assert "cannot write: No such file" in fails(capsys, program, "-o", tmp_path / "no" / "such" / "folder")
    assert "cannot make the folder" in fails(capsys, program, "--print-ir-dir", program / "under-a-file")


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--nosuch"], ["-t", "nosuch"], ["-t", "{"], ["-p"], ["a", "b"]),
        *(["--reproducer"], ["--crash-reproducer"], ["--run-reproducer=x"], ["--local-reproducer=x"]),
        *(["--statistics=x"], ["--dump-pass-pipeline=x"], ["--pass-pipeline"], ["--print-ir-before"]),
        *(["--print-ir-after-change=cse"], ["--print-ir-after-failure=cse"], ["--print-ir-before-all=cse"]),
        ["--reproducer=a", "--reproducer=b"],
        ["--print-debuginfo", "--no-locations"],
    ],
)
def test_wrong_command_lines_exit_with_1(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "error: " in fails(capsys, *arguments)


def test_an_empty_program_is_a_program(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    program.write_text("// only a comment\n")
    assert opt.main([str(program)]) == 0
    assert capsys.readouterr().out == "builtin.module {\n}\n"


@dataclass(frozen=True)
class Breaks(ModulePass):
    """Raises what a pass with a bug raises."""

    name = "breaks"
    how: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        errors = {"key": KeyError("x"), "value": ValueError("v"), "recursion": RecursionError()}
        if self.how == "diagnostic":
            raise DiagnosticError("this op is the one", next(o for o in op.walk() if o.name == "arith.addi"))
        if self.how == "invalid":
            next(o for o in op.walk() if o.name == "func.return").detach()
            return
        raise errors[self.how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("key", ":1:1: error: internal error: KeyError: 'x'"),
        ("value", ":1:1: error: internal error: ValueError: v"),
        ("recursion", "nested too deeply"),
        ("diagnostic", ":2:3: error: this op is the one"),
        ("invalid", ":2:3: error: 'arith.addi': Operation arith.addi terminates block"),
    ],
)
def test_whatever_a_pass_raises(
    capsys: pytest.CaptureFixture[str],
    program: Path,
    with_pass: Callable[[type[ModulePass]], None],
    how: str,
    message: str,
) -> None:
    with_pass(Breaks)
    errors = fails(capsys, program, "-p", f"canonicalize,breaks{{how={how}}}")
    assert message in errors
    assert errors.endswith(f"note: in pass 'breaks{{how={how}}}'\n")


def test_a_failed_piece_does_not_hide_the_others(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    program.write_text(PROGRAM + "// -----\n\nnosuch.op\n// -----\n" + PROGRAM.replace("@f", "@g"))
    assert opt.main([str(program), "--split-input-file"]) == 1
    printed = capsys.readouterr()
    assert f"{program}:7:1: error: unknown operation 'nosuch.op'" in printed.err
    assert "@f" in printed.out
    assert "@g" in printed.out


def test_expected_errors_must_come_and_no_others(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    program.write_text("// expected-error {{never}}\n" + PROGRAM)
    assert opt.main([str(program), "--verify-diagnostics"]) == 1
    assert f"{program}:1: error: no error says 'never'" in capsys.readouterr().err
    program.write_text("nosuch.op // expected-error {{unknown operation}}\n")
    assert opt.main([str(program), "--verify-diagnostics"]) == 0


def test_a_failed_run_leaves_the_old_output(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    output = program.with_suffix(".out")
    assert opt.main([str(program), "-o", str(output)]) == 0
    written = output.read_text()
    fails(capsys, program, "-p", "verify-level{level=graph}", "-o", output)
    assert output.read_text() == written
    assert sorted(path.name for path in output.parent.iterdir()) == ["program.mlir", "program.out"]


def test_ir_after_each_pass_and_times(
    capsys: pytest.CaptureFixture[str], program: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ir"
    assert opt.main([str(program), "-p", "cse,dce", "--print-ir-dir", str(folder), "--timing"]) == 0
    printed = capsys.readouterr()
    assert sorted(path.name for path in folder.iterdir()) == ["00-input.mlir", "01-cse.mlir", "02-dce.mlir"]
    assert (folder / "02-dce.mlir").read_text() == printed.out
    assert "total" in printed.err
    assert "total" not in printed.out


def test_named_pipelines_expand(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    named = pipelines.PIPELINES
    try:
        named.add("inner", Pipeline("", "cse,dce"))
        named.add("outer", Pipeline("", "inner,verify-level{level=loops}"))
        assert opt.main(["--list-pipelines"]) == 0
        assert 'outer: cse,dce,verify-level{level="loops"}' in capsys.readouterr().out
        named.add("endless", Pipeline("", "endless"))
        assert "contains itself" in fails(capsys, program, "-p", "endless")
        assert "takes no options" in fails(capsys, program, "-p", "outer{level=graph}")
    finally:
        for name in list(named.added):
            named.remove(name)


@pytest.mark.parametrize(
    ("report", "heading"),
    [("memory", "memory of @main: arena 0 bytes"), ("hazards", "hazards of @main: 0 copies")],
)
def test_reports_of_the_memory_plan(
    capsys: pytest.CaptureFixture[str], program: Path, report: str, heading: str
) -> None:
    program.write_text(
        "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
        "  %y = graph.tanh %x : tensor<2xf32>\n  func.return %y : tensor<2xf32>\n}\n"
    )
    assert opt.main([str(program), "-p", "kernels"]) == 0
    plain = capsys.readouterr()
    assert plain.err == ""
    assert opt.main([str(program), "-p", "kernels", f"--report={report}"]) == 0
    reported = capsys.readouterr()
    assert reported.out == plain.out
    assert heading in reported.err


def test_reports_that_cannot_be_made(capsys: pytest.CaptureFixture[str], program: Path) -> None:
    assert "invalid choice: 'speed'" in fails(capsys, program, "-p", "kernels", "--report=speed")
    for pipeline in ("cse", ""):
        errors = fails(capsys, program, "-p", pipeline, "--report=memory")
        assert "error: nothing to report on: --report=memory needs the pass 'plan-memory'" in errors


@pytest.mark.parametrize("name", ["passes", "pipelines", "ops", "gradients", "targets"])
def test_lists_as_text_and_as_json(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert opt.main([f"--list-{name}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert opt.main([f"--list-{name}", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(lines)
    assert all(line.startswith(row["name"]) for line, row in zip(lines, rows, strict=True))


def test_disabling_verification_ends_with_the_run(program: Path) -> None:
    before = Attribute.__post_init__
    assert opt.main([str(program), "--disable-verify"]) == 0
    assert Attribute.__post_init__ is before


def test_a_reader_that_leaves_is_no_error_message(program: Path) -> None:
    program.write_text("".join(PROGRAM.replace("@f", f"@f{index}") for index in range(2000)))
    command = f"{sys.executable} -m pullback.tools.opt {program} | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("builtin.module {\n", "")


def test_stock_xdsl_opt_finds_us(program: Path) -> None:
    program.write_text(
        "func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
        "  %y = graph.tanh %x : tensor<2xf32>\n  func.return %y : tensor<2xf32>\n}\n"
    )
    xdsl_opt = Path(sys.executable).parent / "xdsl-opt"
    command = [str(xdsl_opt), str(program), "-p", "verify-level{level=graph}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "graph.tanh" in done.stdout
