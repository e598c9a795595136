"""The fuzzer: cases are made from their seeds, and what is wrong is found, counted once and written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from pullback.driver.reproducer import parse_reproducer
from pullback.passes.simplify.cse import CommonSubexpressions
from pullback.passes.simplify.folds import arithmetic
from pullback.tools.fuzz import __main__ as fuzz
from pullback.tools.fuzz import children, reduction
from pullback.tools.fuzz.cases import Case, text_of
from pullback.tools.fuzz.check_text import check_meaning, check_tool
from pullback.tools.fuzz.corpus import chosen, programs
from pullback.tools.fuzz.failures import Failures
from pullback.tools.fuzz.mutants import MUTATIONS
from pullback.tools.fuzz.outcome import Outcome
from pullback.tools.fuzz.random_programs import random_program
from pullback.tools.fuzz.reduction import reduced
from pullback.tools.fuzz.workers import Worker

PROGRAM = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %one = graph.constant dense<1.0> : tensor<2x3xf32>
  %h = graph.multiply %x, %x : tensor<2x3xf32>
  %k = graph.add %h, %one {axis = 1 : i64} : tensor<2x3xf32>
  func.return %k : tensor<2x3xf32>
}
"""


def ignore(phase: str) -> None:
    """Takes no note of what comes next."""


def test_cases_are_made_from_their_seeds() -> None:
    corpus = programs([])
    for name in ("mutant:3", "program:3", "program:4", "network:3"):
        assert text_of(Case.named(name), corpus) == text_of(Case.named(name), corpus)
    assert len({text_of(Case("mutant", seed), corpus) for seed in range(20)}) > 15
    first, again = (random_program(np.random.default_rng(5)) for _ in range(2))
    assert first.text == again.text
    assert all(map(np.array_equal, first.inputs, again.inputs))


def test_networks_are_of_every_kind() -> None:
    wanted = (
        "graph.conv2d",
        "graph.max_pool2d",
        "graph.while",
        "graph.gather",
        "graph.variable",
        "graph.exp",
    )
    texts = [text_of(Case("network", seed), []) for seed in range(40)]
    assert all(any(name in text for text in texts) for name in wanted)
    assert all("gradient of" in text for text in texts)


def test_every_mutation_changes_something() -> None:
    for mutation in MUTATIONS:
        changed = [mutation(PROGRAM, random.Random(seed), [PROGRAM]) != PROGRAM for seed in range(10)]
        assert any(changed), mutation


def test_another_text_changes_few_choices() -> None:
    corpus = [f"text {i}" for i in range(100)]
    picked = [chosen(corpus, seed, 2)[0] for seed in range(300)]
    again = [chosen([*corpus, "new"], seed, 2)[0] for seed in range(300)]
    assert len(set(picked)) > 50
    assert sum(a != b for a, b in zip(picked, again, strict=True)) < 20


def test_random_programs_agree() -> None:
    kinds = []
    for seed in range(6):
        program = random_program(np.random.default_rng(seed))
        outcome = check_meaning(
            program.text,
            random.Random(seed),
            ignore,
            inputs=program.inputs or None,
            variables=program.variables,
            verify_each=seed % 4 == 0,
        )
        assert not outcome.is_failure, outcome.detail
        kinds.append(outcome.kind)
    assert kinds.count("same") >= 3


def test_a_wrong_fold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(arithmetic.NEUTRAL_ON_THE_RIGHT, arithmetic.Add, 1)  # pyright: ignore[reportArgumentType]
    for verify_each, symptom in (
        (False, "cpu in target _ changed a number"),
        (True, "canonicalize in "),
    ):
        outcome = check_meaning(PROGRAM, random.Random(0), ignore, verify_each=verify_each)
        assert outcome.kind == "changed number"
        assert outcome.symptom.startswith(symptom)


def test_an_internal_error_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*arguments: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(CommonSubexpressions, "apply", fails)
    outcome = check_tool(PROGRAM, "canonicalize,cse", "", tmp_path)
    assert (outcome.kind, outcome.pipeline) == ("internal error", "canonicalize,cse")
    assert outcome.symptom.startswith("KeyError in ")
    assert check_tool(PROGRAM, "canonicalize", "", tmp_path).kind == "accepted"
    assert check_tool(PROGRAM[:70], "canonicalize", "", tmp_path).kind == "refused"
    remarked = PROGRAM.replace("{axis = 1 : i64}", '{device = "/gpu:1"}')
    assert check_tool(remarked, "kernels,verify-level{level=graph}", "", tmp_path).kind == "refused"


def test_loops_without_end() -> None:
    text = """func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %r = graph.while %x : tensor<f32> {
  ^bb0(%a: tensor<f32>):
    %c = graph.constant dense<true> : tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>):
    graph.yield %a : tensor<f32>
  }
  func.return %r : tensor<f32>
}
"""
    assert check_meaning(text, random.Random(0), ignore, verify_each=False).kind == "endless"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("import os; os.abort()", "crash"),
        ("import time; time.sleep(60)", "hang"),
        ('print(\'{"phase": "run"}\', flush=True); import time; time.sleep(60)', "endless"),
    ],
)
def test_processes_that_do_not_answer(answer: str, kind: str) -> None:
    worker = Worker([], seconds=1.0)
    worker.command = [sys.executable, "-c", f"print('{{}}', flush=True); input(); {answer}"]
    assert worker.run(Case("mutant", 1)).kind == kind
    worker.close()
    worker.remove()


def test_failures_count_once_and_are_written(tmp_path: Path) -> None:
    failures = Failures(tmp_path)
    wrong = Outcome("internal error", "KeyError in cse.py:apply", "KeyError: x", PROGRAM, "cse")
    assert not failures.add(Case("mutant", 1), Outcome("refused"))
    assert failures.add(Case("mutant", 2), wrong)
    assert not failures.add(Case("mutant", 3), wrong)
    path = failures.write(Case("mutant", 2), wrong)
    assert path is not None
    reproducer = parse_reproducer(path.read_text())
    assert (reproducer.pipeline, reproducer.error) == ("cse", "internal error: KeyError in cse.py:apply")
    assert "    2 x internal error: KeyError in cse.py:apply (--case mutant:2)" in failures.summary()


@pytest.mark.slow
def test_what_does_not_show_again_is_not_reduced(tmp_path: Path) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    assert reduced(path, Outcome("crash", text=PROGRAM)) is None
    assert reduced(path, Outcome("changed number", text=PROGRAM, pipeline="finish", target="cpu")) is None


def test_a_failure_is_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def reduce(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        calls.append(command[3:])
        Path(command[-1]).write_text("small")
        return children.start([sys.executable, "-c", ""])

    monkeypatch.setattr(reduction, "start", reduce)
    path = tmp_path / "program.mlir"
    small = reduced(path, Outcome("internal error", text=PROGRAM, pipeline="cse"))
    assert small == tmp_path / "program.reduced.mlir"
    assert calls == [[str(path), "--crash", "-p", "cse", "-o", str(small)]]


STARTS_ANOTHER = """import subprocess, sys
print('{}', flush=True)
input()
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
open(sys.argv[1], "w").write(str(other.pid))
other.wait()
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes here")
def test_a_fuzzer_that_is_told_to_end_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "process"
    monkeypatch.setattr(Worker, "command", [sys.executable, "-c", STARTS_ANOTHER, str(told)])

    def terminate() -> None:
        while not (told.exists() and told.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=terminate, daemon=True).start()
    assert fuzz.main(["--mutants", "2", "--programs", "0", "--networks", "0"]) == 130
    assert "0 of 2 cases in " in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert has_ended(int(told.read_text()))


def has_ended(number: int) -> bool:
    """Whether there is no such process, or only what is left of one for its parent."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(number, 0)
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except ProcessLookupError:
            return True
        except FileNotFoundError:  # it has just ended, or this system has no such files
            state = ""
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--mutants", "3", "--programs", "1", "--networks", "1", "--seed", "7"]) == 0
    said = capsys.readouterr()
    assert "5 of 5 cases in " in said.out
    assert said.err.startswith("seed 7: 5 cases")
    assert fuzz.main(["--case", "mutants:1"]) == 1
    assert "expected one of mutant, program, network, as in mutant:7" in capsys.readouterr().err
    assert fuzz.main(["--corpus", "/nowhere"]) == 1
    assert "--corpus /nowhere: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "invalid positive number value: '0'"),
        (["--mutants", "-1"], "invalid count value: '-1'"),
        (["--timeout", "nan"], "invalid number of seconds value: 'nan'"),
        (["--seconds", "inf"], "invalid number of seconds value: 'inf'"),
        (["--print-case"], "--print-case: expected --case KIND:N"),
        (["--output", "/dev/null/found"], "Not a directory"),
    ],
)
def test_wrong_options(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """A run of no cases would find nothing, and say so."""
    assert fuzz.main(arguments) == 1
    assert message in capsys.readouterr().err
