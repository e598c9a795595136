"""The cases of a run: each is made from its own seed alone, and runs again by its name, `mutant:7`, `program:7`
or `network:7`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pullback.passes.pipeline.pipelines import PIPELINES
from pullback.tools.fuzz.check_text import Phase, check_meaning, check_tool
from pullback.tools.fuzz.corpus import at_some_level, chosen
from pullback.tools.fuzz.mutants import mutated
from pullback.tools.fuzz.outcome import Outcome, internal_error
from pullback.tools.fuzz.random_networks import random_network
from pullback.tools.fuzz.random_programs import RandomProgram, random_program

MADE: dict[str, Callable[[np.random.Generator], RandomProgram]] = {
    "program": random_program,
    "network": random_network,
}
"""The programs that are made, by the kind of case."""
KINDS = ("mutant", *MADE)
ROUTES = (
    "",
    "canonicalize",
    "canonicalize,cse,dce",
    "inline-calls",
    "merge-loops",
    "form-kernels",
    "plan-memory",
    "generate-gradients,aggregate-gradients{method=tree},gate-gradients{mode=graph}",
    "gradients,finish,kernels,loops",
    "gradients,finish,kernels,gpu",
    "kernels,loops",
    "kernels,gpu",
    *PIPELINES,
)
"""Pipelines that text is put through."""
TEXT = "case.mlir"
"""The file in the folder of a worker that holds the text that it is running."""
VERIFIED = 0.3
"""The part of programs that also run after each pass."""


@dataclass(frozen=True)
class Case:
    """A case by its kind and its own seed."""

    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.seed}"

    @staticmethod
    def named(name: str) -> Case:
        """The case of a name; `ValueError` for another text."""
        kind, _, seed = name.partition(":")
        if kind not in KINDS or not seed.isdigit():
            raise ValueError(f"--case {name}: expected one of {', '.join(KINDS)}, as in {KINDS[0]}:7")
        return Case(kind, int(seed))


def run_case(case: Case, corpus: Sequence[str], folder: Path, phase: Phase) -> Outcome:
    """Makes a case and checks it.

    Args:
        case: what to run.
        corpus: the texts that mutants come from.
        folder: for files of the tools.
        phase: told what comes next.
    """
    phase("tool")
    if case.kind == "mutant":
        return _mutant(case.seed, corpus, folder, phase)
    return _program(case, folder, phase)


def text_of(case: Case, corpus: Sequence[str]) -> str:
    """The text of a case."""
    if case.kind in MADE:
        return MADE[case.kind](np.random.default_rng(case.seed)).text
    rng = random.Random(case.seed)
    first, *others = chosen(corpus, case.seed, 4)
    return mutated(at_some_level(first, rng), rng, others, rng.choice((1, 1, 1, 1, 2, 3)))


def _mutant(seed: int, corpus: Sequence[str], folder: Path, phase: Phase) -> Outcome:
    rng = random.Random(f"routes of {seed}")
    text = text_of(Case("mutant", seed), corpus)
    (folder / TEXT).write_text(text, newline="")
    pipeline = rng.choice(ROUTES)
    form = ""
    if rng.random() < 0.1:
        form = "cuda-cpp" if "gpu" in pipeline else "llvm-ir"
    outcome = check_tool(text, pipeline, form, folder)
    if outcome.is_failure:
        return outcome
    meaning = check_meaning(text, rng, phase, verify_each=rng.random() < VERIFIED)
    return meaning if meaning.kind in ("same", "endless") or meaning.is_failure else outcome


def _program(case: Case, folder: Path, phase: Phase) -> Outcome:
    rng = random.Random(f"checks of {case.seed}")
    try:
        program = MADE[case.kind](np.random.default_rng(case.seed))
    except Exception as error:
        return internal_error(error, "")
    (folder / TEXT).write_text(program.text)
    return check_meaning(
        program.text,
        rng,
        phase,
        inputs=program.inputs or None,
        variables=program.variables,
        verify_each=rng.random() < VERIFIED,
    )
