"""Stock `xdsl-opt` knows what Pullback offers, and imports it when it is used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from xdsl.universe import Universe

import pullback_universe
from pullback.tools import xdsl_plugin

PROGRAM = """
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.tanh %x : tensor<2xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}
"""
IMPORTED = """
import atexit, sys
from xdsl.tools.xdsl_opt import main
atexit.register(lambda: print(*sorted(m for m in sys.modules if m.startswith("pullback")), file=sys.stderr))
main()
"""
"""Runs `xdsl-opt`, and names on standard error which modules of ours it imported."""
MAIN = "from xdsl.tools.xdsl_opt import main; main()"


def xdsl_opt(*arguments: str, text: str = "", script: str = MAIN) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "10000"},
    )


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-p", "canonicalize", "-t", "mlir")])
def test_nothing_is_imported_until_it_is_asked_for(arguments: tuple[str, ...]) -> None:
    done = xdsl_opt(*arguments, text="builtin.module {}", script=IMPORTED)
    assert done.returncode == 0, done.stderr
    expected = ["pullback_universe", "pullback_universe.names"]
    assert done.stderr.split() == expected, (
        "was pyproject.toml changed? `pip install --editable .` reads it anew"
    )


def test_the_names_are_in_the_help() -> None:
    listed = re.findall(r"[\w-]+", xdsl_opt("--help").stdout)
    assert {"generate-gradients", "check-gradients", "llvm-ir", "cuda-cpp"} <= set(listed)


def test_a_program_is_parsed_rewritten_and_printed() -> None:
    done = xdsl_opt("-p", "generate-gradients,aggregate-gradients", text=PROGRAM)
    assert done.returncode == 0, done.stderr
    assert "graph.gradients" not in done.stdout
    assert "graph.multiply" in done.stdout


@pytest.mark.parametrize(
    ("level", "target", "line"), [("loops", "llvm-ir", "define "), ("gpu", "cuda-cpp", "__global__")]
)
def test_texts_of_targets(level: str, target: str, line: str) -> None:
    lowering = (
        f"generate-gradients,aggregate-gradients,gate-gradients,form-kernels,plan-memory,lower-to-{level}"
    )
    done = xdsl_opt("-p", lowering, "-t", target, text=PROGRAM)
    assert done.returncode == 0, done.stderr
    assert line in done.stdout


def test_wrong_options_of_a_pass_are_told() -> None:
    done = xdsl_opt("-p", "form-kernels{no-such-option=1}", text=PROGRAM)
    assert done.returncode != 0
    assert "no_such_option" in done.stderr.replace("-", "_")


def test_each_name_leads_to_what_it_names() -> None:
    ours: Universe = pullback_universe.UNIVERSE
    offered = xdsl_plugin.UNIVERSE
    for lazy, eager in (
        (ours.all_dialects, offered.all_dialects),
        (ours.all_passes, offered.all_passes),
        (ours.all_targets, offered.all_targets),
    ):
        assert list(lazy) == list(eager)
        assert {name: load().name for name, load in lazy.items()} == {name: name for name in lazy}


def test_the_entry_point_is_what_imports_nothing() -> None:
    (entry,) = (e for e in entry_points(group="xdsl.universe") if e.name == "pullback")
    assert entry.value == "pullback_universe:UNIVERSE"
