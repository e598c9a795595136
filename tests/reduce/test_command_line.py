"""The command line: commands as tests, reproducers, interruptions, and messages for everything that is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.reproducer import Reproducer, parse_reproducer
from pullback.passes.simplify.dce import DeadCode
from pullback.tests.reduce.conftest import RunReduce
from pullback.tests.reduce.planted import operations, wrong_fold
from pullback.tools import opt, run
from pullback.tools.reduce import command_line, search_progress

TOOL = "pullback.tools.reduce.command_line"
PROGRAM = """\
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.exp %x : tensor<4xf32>
  %b = graph.multiply %a, %y : tensor<4xf32>
  %c = graph.subtract %x, %b : tensor<4xf32> loc("c")
  %d = graph.tanh %c : tensor<4xf32>
  func.return %d : tensor<4xf32>
}
"""


# ---- commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["grep -q graph.tanh", "cat {} | grep graph.tanh", "grep graph.tanh {} && :"]
)
def test_a_command_decides(run_reduce: RunReduce, command: str) -> None:
    said = run_reduce(PROGRAM, "--test", command)
    assert said.status == 0
    assert operations(said.out) == 1
    assert said.err.startswith("pullback-reduce: from 4 operations, ")


def test_the_paths_of_candidates_are_quoted(
    run_reduce: RunReduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder; with 'signs'"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert run_reduce(PROGRAM, "--test", "grep -q graph.exp {}").status == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "grep -q graph.sinh",
            "--test: the command says that the program is not interesting: exit status 1, expected 0",
        ),
        ("not-a-command", "--test: the shell cannot run the command (exit status 127)"),
        ("sleep 20 #", "--test: the command runs longer than 0.2 seconds; --timeout allows more"),
    ],
)
def test_commands_that_find_nothing(run_reduce: RunReduce, command: str, message: str) -> None:
    said = run_reduce(PROGRAM, "--test", command, "--timeout", "0.2" if "sleep" in command else "20")
    assert (said.status, said.out, said.err) == (1, "", f"pullback-reduce: error: {message}\n")


def test_a_candidate_that_takes_too_long_is_not_interesting(run_reduce: RunReduce) -> None:
    slow = "grep -q graph.exp {} || sleep 20"
    start = time.monotonic()
    said = run_reduce(PROGRAM, "--test", slow, "--timeout", "0.2")
    assert operations(said.out) == 1
    assert time.monotonic() - start < 15


# ---- built-in tests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a test: --test COMMAND, --wrong-number, --wrong-gradient, --crash or --mismatch A,B"),
        (["--wrong-number"], "the program shows no wrong number: there is nothing to reduce"),
        (["--wrong-gradient"], "the program shows no wrong gradient: there is nothing to reduce"),
        (["--crash"], "the program shows no crash: there is nothing to reduce"),
        (["--mismatch", "numpy,simt"], "the program shows no mismatch: there is nothing to reduce"),
        (
            ["--wrong-number", "--function", "f"],
            "--function f: the program has no such function; it has: main",
        ),
        (["--wrong-number", "--input", "z=[1]"], "--input z=[1]: the program has no input 'z'; it has x, y"),
        (["--wrong-number", "--input", "x=[1]"], "--input x=[1]: shape (1,), expected tensor<4xf32>"),
    ],
)
def test_nothing_to_reduce(run_reduce: RunReduce, arguments: list[str], message: str) -> None:
    said = run_reduce(PROGRAM, *arguments)
    assert (said.status, said.out, said.err) == (1, "", f"pullback-reduce: error: {message}\n")


def test_a_program_that_cannot_be_run(run_reduce: RunReduce) -> None:
    said = run_reduce(PROGRAM, "--wrong-number", "-p", "finish,kernels,loops", "--target", "simt")
    assert said.status == 1
    said = run_reduce(PROGRAM.replace("tensor<4xf32>", "tensor<?xf32>"), "--wrong-number", "-p", "kernels")
    assert "since it cannot be run (" in said.err and "--crash reduces what fails" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mismatch", "numpy"], "'numpy': expected two targets, as in cpu,numpy"),
        (["--mismatch", "numpy,gpu"], "'numpy,gpu': expected two targets"),
        (["--wrong-number", "--crash"], "not allowed with"),
        (["--wrong-number", "-p", "cse", "-p", "dce"], "is given twice"),
        (["--test", "true", "--timeout", "0"], "number of seconds"),
        (["--test", "true", "-p", "cse", "--low", "1"], "--test makes no use of --passes, --low"),
        (["--wrong-gradient", "--input", "x=[1]"], "--wrong-gradient makes no use of --input"),
        (["--wrong-number", "--low", "3"], "--low 3, --high 2: expected a least number below the largest"),
        (["--crash", "-p", "canonicalise"], "<pipeline>:1:1: error: unknown pass or pipeline 'canonicalise'"),
    ],
)
def test_wrong_options(run_reduce: RunReduce, arguments: list[str], message: str) -> None:
    said = run_reduce(PROGRAM, *arguments)
    assert said.status == 1
    assert message in said.err


def test_wrong_programs_and_files(
    run_reduce: RunReduce, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_reduce("func.func @main() { graph.sinus }", "--crash").err.startswith(
        "FILE:1:21: error: unknown operation"
    )
    twice = PROGRAM.replace("%d = graph.tanh %c", "%d = graph.tanh %e")
    assert "value %e is used but not defined" in run_reduce(twice, "--crash").err
    assert command_line.main([str(tmp_path / "none.mlir"), "--crash"]) == 1
    assert "none.mlir: error: cannot read: No such file" in capsys.readouterr().err
    with wrong_fold():
        said = run_reduce(PROGRAM, "--wrong-number", "-o", str(tmp_path / "no" / "folder.mlir"))
    assert "folder.mlir: error: cannot write" in said.err and said.status == 1


def test_inputs_that_are_given(run_reduce: RunReduce) -> None:
    """Only where x is 3 something is wrong, and the value stays as the program shrinks."""
    with wrong_fold():
        given = ["--input", "x=[3, 3, 3, 3]", "--input", "y=[0, 0, 0, 1]"]
        said = run_reduce(PROGRAM, "--wrong-number", *given)
        assert operations(said.out) == 2
        nothing = ["--input", "y=[0, 0, 0, 0]"]
        assert "no wrong number" in run_reduce(PROGRAM, "--wrong-number", *nothing).err


def test_special_values_and_ranges(run_reduce: RunReduce) -> None:
    with wrong_fold():
        assert operations(run_reduce(PROGRAM, "--wrong-number", "--special-values", "--seed", "3").out) == 2
        assert operations(run_reduce(PROGRAM, "--wrong-number", "--low", "1", "--high", "2").out) == 2
        assert "no wrong number" in run_reduce(PROGRAM, "--wrong-number", "--tolerance", "100").err


# ---- crashes --------------------------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, fail: str) -> None:
    """`dce` fails on programs with a hyperbolic tangent."""

    def apply(self: DeadCode, ctx: Context, op: ModuleOp) -> None:
        if any(inner.name == "graph.tanh" for inner in op.walk()):
            if fail == "signal":
                os.kill(os.getpid(), signal.SIGSEGV)
            while fail == "endless":
                pass
            raise KeyError(len(list(op.walk())))
        if len(list(op.walk())) < 5:
            raise IndexError("another error, which is another crash")

    monkeypatch.setattr(DeadCode, "apply", apply)


def test_an_internal_error(run_reduce: RunReduce, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "error")
    said = run_reduce(PROGRAM, "--crash")
    assert operations(said.out) == 1 and "graph.tanh" in said.out
    assert "crash: KeyError in pass dce: 4" in said.err


def test_a_process_that_dies(run_reduce: RunReduce, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "signal")
    said = run_reduce(PROGRAM, "--crash")
    assert operations(said.out) == 1
    assert "crash: the process ended with SIGSEGV" in said.err


def test_a_run_that_does_not_end(run_reduce: RunReduce, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "endless")
    said = run_reduce(PROGRAM, "--crash", "--timeout", "0.3")
    assert (
        said.err
        == "pullback-reduce: error: the program runs longer than 0.3 seconds; --timeout allows more\n"
    )


# ---- reproducers ----------------------------------------------------------------------------------------------


def test_a_reproducer_of_a_crash(
    run_reduce: RunReduce, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing(monkeypatch, "error")
    written, source = tmp_path / "reproducer.mlir", tmp_path / "source.mlir"
    source.write_text(PROGRAM)
    assert opt.main([str(source), "-p", "canonicalize,dce", "--crash-reproducer", str(written)]) == 1
    said = run_reduce(written.read_text())
    assert said.status == 0
    assert operations(said.out) == 1
    assert parse_reproducer(said.out).pipeline == "canonicalize,dce"


def test_a_reproducer_of_a_run(
    run_reduce: RunReduce, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with wrong_fold():
        written = tmp_path / "reproducer.mlir"
        source = tmp_path / "source.mlir"
        source.write_text(PROGRAM)
        given = ["--input", "x=[3, 3, 3, 3]", "--input", "y=[0, 0, 0, 1]"]
        assert run.main([str(source), "-p", "finish", *given, "--reproducer", str(written)]) == 0
        capsys.readouterr()
        said = run_reduce(written.read_text(), "--wrong-number")
    assert operations(said.out) == 2
    reduced = tmp_path / "reduced.mlir"
    reduced.write_text(said.out)
    assert run.main([str(reduced), "--run-reproducer", "--values"]) == 0
    assert isinstance(parse_reproducer(said.out), Reproducer)


# ---- progress and interruptions -------------------------------------------------------------------------------


def test_progress_at_a_terminal_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "program.mlir"
    source.write_text(PROGRAM)
    monkeypatch.setattr(search_progress, "SOON", 0)
    arguments = [str(source), "--test", "grep -q graph.tanh", "-o", str(tmp_path / "reduced.mlir")]
    said: dict[bool, str] = {}
    for is_terminal in (True, False):
        monkeypatch.setattr(sys.stderr, "isatty", lambda answer=is_terminal: answer)
        assert command_line.main(arguments) == 0
        said[is_terminal] = capsys.readouterr().err
    assert "of 4 operations" in said[True]
    assert said[False].count("\n") == 1


def test_ctrl_c_writes_the_smallest_so_far(tmp_path: Path) -> None:
    source, made, mark = tmp_path / "program.mlir", tmp_path / "reduced.mlir", tmp_path / "mark"
    source.write_text(PROGRAM)
    # The program as it is, and seven candidates; the next takes for ever.
    command = f"echo x >> {mark}; test $(wc -l < {mark}) -gt 8 && sleep 100; grep -q graph.tanh {{}}"
    process = subprocess.Popen(
        [sys.executable, "-m", TOOL, str(source), "--test", command, "-o", str(made), "--timeout", "100"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and (not mark.exists() or mark.read_text().count("x") < 9):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: from 4 operations" in said
    assert 1 <= operations(made.read_text()) < 4
