"""The child process that runs cases: it reads their names from standard input and answers in JSON, one line each.

A case may use up memory, never end, or crash: so memory is limited, and the parent ends the process after a while. The
first argument is a folder of the parent's, in which `case.mlir` is the text that is being run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from pullback.tools.fuzz.cases import Case, run_case
from pullback.tools.fuzz.corpus import programs
from pullback.tools.fuzz.outcome import Outcome, internal_error

MEMORY = 4 << 30
"""Bytes of address space."""


def main() -> None:
    """Answer each line of standard input, until there are no more."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a case prints is no answer
    scratch, *folders = sys.argv[1:]
    corpus = programs(folders)
    tempfile.tempdir = scratch
    answers.write(json.dumps({"ready": len(corpus)}) + "\n")
    for line in sys.stdin:
        case = Case.named(line.strip())
        with np.errstate(all="ignore"):
            outcome = _outcome(case, corpus, Path(scratch), answers)
        answers.write(json.dumps(outcome.to_dict()) + "\n")


def _outcome(case: Case, corpus: list[str], folder: Path, answers: object) -> Outcome:
    def phase(name: str) -> None:
        answers.write(json.dumps({"phase": name}) + "\n")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    try:
        return run_case(case, corpus, folder, phase)
    except MemoryError as error:
        return Outcome("refused", detail=f"out of memory: {error}")
    except Exception as error:
        return internal_error(error, "")


if __name__ == "__main__":
    main()
