"""Reduces the program of a failure by `pullback-reduce`, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import DEVNULL, TimeoutExpired

from pullback.tools.fuzz.children import end, start
from pullback.tools.fuzz.outcome import Outcome

SECONDS = 120.0
"""How long a reduction may take; what it has until then is lost, the program stays as it was found."""
GRADIENTS = "inline-calls,generate-gradients"


def reduced(path: Path, outcome: Outcome, seconds: float = SECONDS) -> Path | None:
    """Writes the smallest program with the symptom of a failure beside the one that was found.

    Args:
        path: the program that was found.
        outcome: its failure.
        seconds: how long it may take.

    Returns:
        The new file; `None` for failures of the parser, and where the symptom does not show again.
    """
    if (test := _test(outcome)) is None:
        return None
    small = path.with_suffix(".reduced.mlir")
    command = [sys.executable, "-m", "pullback.tools.reduce.command_line", str(path), *test, "-o", str(small)]
    try:
        child = start(command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    except OSError:
        return None
    try:
        status = child.wait(seconds)
    except TimeoutExpired:
        return None
    finally:
        end(child)
    return small if status == 0 and small.exists() else None


def _test(outcome: Outcome) -> list[str] | None:
    """The options of `pullback-reduce` that say what the symptom is."""
    passes, target = outcome.pipeline or GRADIENTS, outcome.target
    on = ["--target", target] if target else []
    if target and "?" in outcome.text:  # levels need static extents, which the target gives them
        passes = "finish"
    match outcome.kind:
        case "changed number":
            return ["--wrong-number", "-p", passes, *on]
        case "internal error" | "does not run" if outcome.text:
            return ["--crash", "-p", passes, *on]
        case _:
            return None
