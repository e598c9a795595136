"""`--statistics`: what each pass did, by operations and by what passes count themselves, as a table and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.extend import register, unregister
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pass_statistics import PassStatistics
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.rewriting.statistic import Statistic, counted, is_counting
from pullback.tools import opt, run

PROGRAM = """\
func.func private @layer(%x: tensor<8xf32>) -> tensor<8xf32> {
  %t = graph.tanh %x : tensor<8xf32>
  %u = graph.tanh %x : tensor<8xf32>
  %one = graph.fill {value = 1.0 : f32} : tensor<8xf32>
  %v = graph.multiply %u, %one : tensor<8xf32>
  %y = graph.multiply %t, %v : tensor<8xf32>
  func.return %y : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>, %w: tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8x8xf32>) {
  %a = func.call @layer(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %b = func.call @layer(%a) : (tensor<8xf32>) -> tensor<8xf32>
  %m = graph.matmul %w, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %e = graph.exp %m : tensor<8x8xf32>
  %n = graph.matmul %e, %m : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %dx = graph.gradients of (%b) wrt (%x) {gate = #graph.gate<op>} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  func.return %dx, %n : tensor<8xf32>, tensor<8x8xf32>
}
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return str(path)


def records(pipeline: str, text: str = PROGRAM) -> dict[str, Any]:
    """What the last run of each pass did."""
    module, statistics = parse(context(), text).module, PassStatistics()
    with instrumented(statistics):
        run_passes(context(), module, parse_passes(pipeline))
    return {record.pass_.name: record for record in statistics.records}


def test_what_passes_count_themselves() -> None:
    found = {
        name: record.statistics for name, record in records("gradients,finish,kernels,loops").items()
    } | {"inline-calls": records("inline-calls")["inline-calls"].statistics}
    assert found["inline-calls"] == {"inlined": 2, "removed": 1}
    assert found["generate-gradients"] == {"requests": 1, "gradients": 1, "sums": 2}
    assert found["aggregate-gradients"] == {"sums": {"add_n": 2}}
    assert found["gate-gradients"] == {"gates": 2}
    assert found["canonicalize"]["folded"] > 0
    assert found["cse"]["merged"] > 0
    assert found["form-kernels"]["kernels"]["matmul"] == 2
    assert found["lower-to-loops"]["lowered"] + found["lower-to-loops"]["shared"] == sum(
        found["form-kernels"]["kernels"].values()
    )
    memory = found["plan-memory"]
    assert memory["buffers"]["input"] == 2
    assert memory["arena-bytes"] > 0


def test_sums_of_numbers_that_can_be_counted_by_hand() -> None:
    """Three results of 4 KiB in a chain: the second is written over the first, the third is the output."""
    text = """\
func.func @main(%x: tensor<32x32xf32>) -> tensor<32x32xf32> {
  %a = graph.matmul %x, %x : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
  %b = graph.matmul %a, %a : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
  %c = graph.matmul %b, %b : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
  %d = graph.matmul %c, %c : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
  func.return %d : tensor<32x32xf32>
}
"""
    found = records("kernels,loops", text)
    # %a, %b and %c are in an arena for two of them: %c takes the place of %a.
    assert found["plan-memory"].statistics == {
        "buffers": {"arena": 3, "input": 1, "output": 1},
        "arena-bytes": 2 * 4096,
        "saved-by-sharing": 4096,
        "saved-in-place": 0,
        "variables": {},
    }
    assert found["form-kernels"].statistics["fused"] == 4
    assert found["lower-to-loops"].statistics == {"lowered": 1, "shared": 3}


def test_operations_of_every_pass() -> None:
    record = records("dce", "func.func @f(%x: f32) { %y = arith.addf %x, %x : f32 func.return }")["dce"]
    assert (record.before, record.changes) == (
        {"func.func": 1, "arith.addf": 1, "func.return": 1},
        {"arith.addf": -1},
    )
    assert record.statistics == {"removed": 1}


@dataclass(frozen=True)
class Counting(ModulePass):
    """A pass from elsewhere."""

    name = "counting"
    ops_seen = Statistic("operations that it saw", by="dialect")
    nothing = Statistic("what never is")

    fail: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in op.walk():
            self.ops_seen.add(kind=inner.name.partition(".")[0])
        if self.fail:
            raise KeyError("x")


@pytest.fixture
def with_pass() -> Iterator[None]:
    register(Counting)
    yield
    unregister(Counting)


Tool = Callable[[list[str]], int]
ARRAYS = [f"--input=x={[1] * 8}", f"--input=w={[[1] * 8] * 8}"]


@pytest.mark.usefixtures("with_pass")
@pytest.mark.parametrize("tool", [opt.main, run.main])
def test_a_pass_shows_up_where_it_declares_its_statistics(
    capsys: pytest.CaptureFixture[str], program: str, tool: Tool
) -> None:
    arrays = ARRAYS if tool is run.main else []
    assert tool([program, "-p", "counting,gradients", "--statistics", "--json", *arrays]) == 0
    printed = capsys.readouterr()
    first = json.loads(printed.err)[0]
    assert first["pass"] == "counting"
    assert first["operations"] == {"before": 15, "after": 15}
    assert first["changes"] == {}
    assert first["statistics"] == {"ops-seen": {"builtin": 1, "func": 6, "graph": 9}, "nothing": 0}
    assert tool([program, "-p", "counting,gradients", "--mlir-pass-statistics", *arrays]) == 0
    table = capsys.readouterr()
    assert table.out == printed.out
    assert "builtin 1, func 6, graph 9" in table.err
    assert opt.main(["--list-passes", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (listed["counting"]["anchor"], listed["cse"]["anchor"]) == ("builtin.module", "func.func")
    assert listed["counting"]["statistics"][1] == {"name": "nothing", "meaning": "what never is", "by": ""}


@pytest.mark.usefixtures("with_pass")
def test_a_pass_that_fails_is_not_recorded(capsys: pytest.CaptureFixture[str], program: str) -> None:
    assert (
        opt.main(
            [
                program,
                "-p",
                "cse,counting{fail},dce",
                "--statistics",
                "--json",
                "--crash-reproducer=/dev/null",
            ]
        )
        == 1
    )
    errors = capsys.readouterr().err
    listed = json.loads(errors[errors.index("[\n") :])
    assert [row["pass"] for row in listed] == ["cse"]
    assert not is_counting()


def test_the_passes_of_a_target(capsys: pytest.CaptureFixture[str], program: str) -> None:
    options = ["-p", "gradients", "--target=cpu", "--statistics"]
    assert run.main([program, *options, *ARRAYS]) == 0
    assert "matmul 2" in capsys.readouterr().err


def test_what_another_pass_counts_has_its_name() -> None:
    """`form-kernels` folds what decompositions leave."""
    text = """\
func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a = graph.softmax %x {axis = 1} : tensor<4x8xf32>
  %b = graph.softmax %x {axis = 1} : tensor<4x8xf32>
  %c = graph.add %a, %b : tensor<4x8xf32>
  func.return %c : tensor<4x8xf32>
}
"""
    found = records("form-kernels", text)["form-kernels"].statistics
    assert found["decomposed"] == 2
    assert found["cse.merged"] > 0


def test_nothing_is_counted_where_nobody_asks() -> None:
    run_passes(context(), parse(context(), PROGRAM).module, parse_passes("gradients,finish,kernels"))
    assert not is_counting()
    with counted() as counts:
        Counting.nothing.add(2)
        with counted() as inner:
            Counting.nothing.add()
    Counting.nothing.add()
    assert dict(counts) == {(Counting.nothing, ""): 2}
    assert dict(inner) == {(Counting.nothing, ""): 1}


def test_a_step_of_python() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (4, 4))
        step = pb.compile([x], [pb.tanh(x @ x)], target="cpu")
    statistics = PassStatistics()
    with instrumented(statistics):
        step(np.ones((4, 4), np.float32))
    found = {record.pass_.name: record.statistics for record in statistics.records}
    assert found["form-kernels"]["kernels"] == {"matmul": 1}
    assert found["form-kernels"]["fused"] == 2


def test_bytes_that_are_written_over_operands_are_those_of_the_plan() -> None:
    """The plan says in the program which buffer each result has: here one result has that of an operand."""
    module, statistics = parse(context(), PROGRAM).module, PassStatistics()
    with instrumented(statistics):
        run_passes(context(), module, parse_passes("gradients,finish,kernels"))
    buffers: dict[Any, str] = {}
    for op in module.walk():
        memory: Any = op.attributes.get("memory", ())
        buffers |= dict(zip(op.results, map(str, memory), strict=False))
    kernels = [op for op in module.walk() if op.name == "graph.kernel"]
    over: list[Any] = [
        r for k in kernels for r in k.results if buffers[r] in {buffers.get(o) for o in k.operands}
    ]
    arenas: list[Any] = [op.attributes["graph.arena"] for op in module.ops]
    found = {record.pass_.name: record.statistics for record in statistics.records}["plan-memory"]
    assert found["saved-in-place"] == sum(4 * math.prod(r.type.get_shape()) for r in over)
    assert found["saved-in-place"]
    assert found["arena-bytes"] == sum(arena.value.data for arena in arenas)


@dataclass(frozen=True)
class Running(ModulePass):
    """A pass that runs others."""

    name = "running"
    merged = Statistic("a name that another pass has, too")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        self.merged.add(7)
        run_passes(ctx, op, parse_passes("inline-calls"))
        self.merged.add(1)


def test_a_pass_that_runs_others() -> None:
    module, statistics = parse(context(), PROGRAM).module, PassStatistics()
    with instrumented(statistics):
        run_passes(context(), module, [Running()])
    inner, outer = statistics.records
    assert (inner.pass_.name, inner.statistics) == ("inline-calls", {"inlined": 2, "removed": 1})
    assert (outer.pass_.name, outer.statistics) == ("running", {"merged": 8})
    assert inner.changes == outer.changes
