"""A built-in test: what is wrong with a candidate, found in a process of its own, is what was wrong to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.ir.copying import copy_module
from pullback.tools.reduce.isolation import Died, TimedOut, in_child
from pullback.tools.reduce.symptoms import CRASH, Diagnosis, RunSettings, Symptom

ERROR, TIMEOUT = "error", "timeout"
"""What is said of programs that a test cannot judge."""


class NotInterestingError(Exception):
    """The program does not show the symptom to begin with; the message says what happened instead."""


@dataclass(frozen=True)
class BuiltInTest:
    """Interesting is what shows this symptom."""

    diagnosis: Diagnosis
    run: RunSettings
    symptom: Symptom
    seconds: float

    def __call__(self, module: ModuleOp, text: str) -> bool:
        return self.symptom == self.found(module)

    def found(self, module: ModuleOp) -> Symptom | None:
        """What is wrong with a program, with the values that it has there."""
        return diagnosed(self.diagnosis, module, self.run, self.seconds)

    def close(self) -> None:
        """Has nothing to remove: programs are not written."""


def built_in_test(
    diagnosis: Diagnosis, module: ModuleOp, runs: Sequence[RunSettings], seconds: float, kind: str
) -> BuiltInTest:
    """The test for the symptom of a kind that a program shows in the first of these runs in which it does.

    Raises:
        NotInterestingError: in none of them.
    """
    found = None
    for run in runs:
        found = diagnosed(diagnosis, module, run, seconds)
        if found is not None and found.kind == TIMEOUT:
            raise NotInterestingError(
                f"the program runs longer than {seconds:g} seconds; --timeout allows more"
            )
        if found is not None and found.kind == kind:
            return BuiltInTest(diagnosis, run, found, seconds)
    if found is not None:
        raise NotInterestingError(
            f"the program shows no {kind}, since it cannot be run ({found.message}); --crash reduces what fails"
        )
    raise NotInterestingError(f"the program shows no {kind}: there is nothing to reduce")


def diagnosed(diagnosis: Diagnosis, module: ModuleOp, run: RunSettings, seconds: float) -> Symptom | None:
    """What is wrong with a program; that a process died of a signal is a symptom, too."""

    def diagnose() -> Symptom | None:
        try:
            return diagnosis(copy_module(module), run)
        except Exception as error:
            return Symptom(ERROR, (), f"{type(error).__name__}: {' '.join(str(error).split())}")

    found = in_child(diagnose, seconds)
    if isinstance(found, Died):
        return Symptom(CRASH, (found.reason,), f"the process ended with {found.reason}")
    return Symptom(TIMEOUT) if isinstance(found, TimedOut) else found
