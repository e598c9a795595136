"""`--print-ir-...` and `--print-ir-dir`: the IR around passes, in both tools, and as a pass that failed left it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.extend import register, unregister
from pullback.tools import opt, run

PROGRAM = """\
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = graph.tanh %x : tensor<2xf32> loc("a")
  %b = graph.tanh %x : tensor<2xf32> loc("b")
  %s = graph.add %a, %b : tensor<2xf32>
  func.return %s : tensor<2xf32>
}
"""
HEADER = re.compile(r"^// -----// IR Dump (.*) //----- //$", re.MULTILINE)
Tool = Callable[[list[str]], int]


@dataclass(frozen=True)
class Changes(ModulePass):
    """Changes the program as little as a test says."""

    name = "changes"
    what: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        ops = list(op.walk())
        if self.what == "names":
            for inner in ops:
                for result in inner.results:
                    result.name_hint = None
        elif self.what == "objects":
            op.body.block.add_op(next(iter(op.ops)).clone())
            op.body.block.erase_op(next(iter(op.ops)))
        elif self.what == "invalid":
            ops[-1].detach()
        elif self.what == "error":
            ops[-1].detach()
            raise KeyError("x\ny")


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    register(Changes)
    yield
    unregister(Changes)


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return str(path)


def dumps(capsys: pytest.CaptureFixture[str], tool: Tool, *arguments: str, status: int = 0) -> list[str]:
    """The headers of what is printed on standard error, where each text is a program."""
    values = ["--input=x=[1,2]", "--values"] if tool is run.main else []
    assert tool([*arguments, *values]) == status
    printed = capsys.readouterr()
    assert "IR Dump" not in printed.out
    texts = HEADER.split(printed.err)[1:]
    if status == 0:
        for text in texts[1::2]:
            parse(context(), text)
    return texts[::2]


@pytest.mark.parametrize("tool", [opt.main, run.main])
def test_before_and_after(capsys: pytest.CaptureFixture[str], program: str, tool: Tool) -> None:
    pipeline = ["-p", "canonicalize,cse,verify-level{level=graph},cse"]
    found = dumps(
        capsys, tool, program, *pipeline, "--print-ir-after=cse", "--print-ir-before", "verify-level,cse"
    )
    level = "verify-level{level=graph}"
    assert found == ["Before cse", "After cse", f"Before {level}", "Before cse", "After cse"]
    assert dumps(capsys, tool, program, *pipeline, "--mlir-print-ir-after-all") == [
        "After canonicalize",
        "After cse",
        f"After {level}",
        "After cse",
    ]
    found = dumps(capsys, tool, program, "-p", "cse", "--print-ir-before-all", "--print-ir-after-all")
    assert found == ["Before cse", "After cse"]
    found = dumps(capsys, tool, program, "-p", "cse,dce", "--print-ir-after=cse", "--print-ir-after=dce")
    assert found == ["After cse", "After dce"]


@pytest.mark.parametrize("tool", [opt.main, run.main])
def test_only_what_changed(capsys: pytest.CaptureFixture[str], program: str, tool: Tool) -> None:
    pipeline = ["-p", "changes{what=names},canonicalize,cse,changes{what=objects},cse,dce"]
    assert dumps(capsys, tool, program, *pipeline, "--print-ir-after-change") == ["After cse"]
    both = ["--print-ir-after-change", "--print-ir-after=cse", "--print-ir-before=cse"]
    assert dumps(capsys, tool, program, *pipeline, *both) == ["Before cse", "After cse", "Before cse"]


def test_the_passes_of_a_target(capsys: pytest.CaptureFixture[str], program: str) -> None:
    found = dumps(capsys, run.main, program, "--target=cpu", "--print-ir-after=form-kernels,plan-memory")
    assert [header.partition("{")[0] for header in found] == ["After form-kernels", "After plan-memory"]


@pytest.mark.parametrize("tool", [opt.main, run.main])
@pytest.mark.parametrize("what", ["invalid", "error"])
def test_what_a_failed_pass_left(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path, tool: Tool, what: str
) -> None:
    folder = tmp_path / "ir"
    pipeline = ["-p", f"cse,changes{{what={what}}},dce"]
    options = ["--print-ir-after-failure", "--print-ir-dir", str(folder)]
    assert dumps(capsys, tool, program, *pipeline, *options, status=1) == [
        f"After changes{{what={what}}} Failed"
    ]
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["00-input.mlir", "01-cse.mlir", "02-changes-failed.mlir"]
    text = (folder / names[-1]).read_text()
    error = (
        "internal error: KeyError: 'x\\ny'"
        if what == "error"
        else "'graph.add': Operation graph.add terminates"
    )
    assert text.startswith(f"// error: in pass 'changes{{what={what}}}': {error}")
    assert "func.return" not in text
    assert text.count("graph.tanh") == 1
    assert dumps(capsys, tool, program, "-p", "cse", "--print-ir-after-failure") == []


def test_a_folder_that_vanishes_does_not_hide_the_error(
    capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ir"

    def vanish(self: Changes, ctx: Context, op: ModuleOp) -> None:
        (folder / "00-input.mlir").unlink()
        folder.rmdir()
        folder.write_text("a file")
        raise KeyError("the error")

    monkeypatch.setattr(Changes, "apply", vanish)
    assert opt.main([program, "-p", "changes{what=x}", "--print-ir-dir", str(folder)]) == 1
    errors = capsys.readouterr().err
    assert "cannot make the folder" in errors
    assert "KeyError: 'the error'" in errors


@pytest.mark.parametrize("tool", [opt.main, run.main])
@pytest.mark.parametrize(
    ("option", "column", "message"),
    [
        ("--print-ir-before=canonicalise", 1, "unknown pass 'canonicalise'; did you mean 'canonicalize'?"),
        ("--print-ir-after=cse, dcee", 6, "unknown pass 'dcee'; did you mean 'dce'?"),
        ("--print-ir-after=zzz", 1, "unknown pass 'zzz'; see --list-passes"),
        ("--print-ir-after=cse,finish", 5, "'finish' is a pipeline; expected passes"),
        ("--print-ir-before=", 1, "expected the name of a pass"),
    ],
)
def test_names_of_no_pass(
    capsys: pytest.CaptureFixture[str], program: str, tool: Tool, option: str, column: int, message: str
) -> None:
    assert tool([program, option]) == 1
    errors = capsys.readouterr().err
    assert re.match(rf"<print-ir-(before|after)>:1:{column}: error: {re.escape(message)}", errors)
