"""Plants faults in kernels and asserts that somebody finds them: the emulator, or the CUDA text on fibers.

A fault is a change of the IR of level `gpu`, or of the CUDA text. The unchanged kernels must be right on both, in each
order of threads. The changed ones must raise `ExecutionError` or give other values at least once:

    SUBJECT = subject_of_graph(SOFTMAX, x)

    @pytest.mark.parametrize("number", range(SUBJECT.count("gpu.barrier")))
    def test_each_barrier_is_needed(number):
        assert finds(SUBJECT, remove("gpu.barrier", number)).by == "simt"

What changes the IR is a function of the module; most of them are in `faults.py`. What changes the text is `in_text(…)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.fibers.fiber_program import FiberProgram
from pullback.backends.fibers.kernel_library import ThreadOrder
from pullback.backends.host_program.host_program import HostProgram
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import Emulator
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import lowered, lowered_to, main_function
from pullback.driver.targets.launched_function import LaunchedFunction
from pullback.driver.targets.registry import target_named
from pullback.tests.compiled_kernels import not_recorded
from pullback.tests.gpu.programs import Program

Array: TypeAlias = npt.NDArray[Any]
ChangeOfIR: TypeAlias = Callable[[ModuleOp], None]


@dataclass(frozen=True)
class ChangeOfText:
    """A pattern, and what takes the place of the match of this number."""

    pattern: str
    replacement: str
    number: int = 0

    def __call__(self, text: str) -> str:
        matches = list(re.finditer(self.pattern, text, re.MULTILINE))
        assert matches, f"no {self.pattern!r} in\n{text}"
        match = matches[self.number]
        return text[: match.start()] + match.expand(self.replacement) + text[match.end() :]


def in_text(pattern: str, replacement: str, number: int = 0) -> ChangeOfText:
    """Change what a regular expression matches in the CUDA text."""
    return ChangeOfText(pattern, replacement, number)


@dataclass(frozen=True)
class Finding:
    """Who found a fault, and how: an error, or wrong values."""

    by: str
    how: str


@dataclass(frozen=True)
class Subject:
    """Kernels of a module of level `gpu`, with data that they run on and the results that are right."""

    module: ModuleOp
    call: Callable[[ModuleOp, HostProgram], Sequence[Array]]
    """Runs the host function of a module like this one on copies of the data; returns the results."""
    expected: Sequence[Array]
    rtol: float = 1e-5

    @cached_property
    def text(self) -> str:
        """The CUDA C++ text of the kernels."""
        return cuda_source(self.module)

    def count(self, op_name: str) -> int:
        """The number of ops of a name in the kernels."""
        return sum(op.name == op_name for op in self.module.walk())

    @cached_property
    def is_right(self) -> bool:
        """Whether simt and fibers, in each order, give the results that are right; raises where they do not."""
        wrong = [finding for finding in _findings(self, self.module, None) if finding is not None]
        assert not wrong, wrong
        return True


def subject_of(program: Program, rtol: float = 1e-5) -> Subject:
    """Kernels made by emitters."""

    def call(_: ModuleOp, host: HostProgram) -> Sequence[Array]:
        buffers = [buffer.copy() for buffer in program.buffers]
        host.run("main", buffers, program.undefined)
        return buffers[len(buffers) - len(program.expected) :]

    return Subject(program.module, call, program.expected, rtol)


def subject_of_graph(
    text: str, *inputs: Array, variables: Mapping[str, Array] | None = None, rtol: float = 1e-5
) -> Subject:
    """A program of level `graph`, or of level `kernels` with schedules of its own, lowered for GPUs."""
    finished = parse(context(), text).module
    if "graph.kernel" not in text:
        finished = lowered(finished, "finish")
    module = lowered_to(finished, target_named("simt").pipeline)
    start = dict(variables or {})

    def on_copies(run: Callable[[list[Array], dict[str, Array]], Sequence[Array]]) -> list[Array]:
        contents = {name: array.copy() for name, array in start.items()}
        return [*run([array.copy() for array in inputs], contents), *contents.values()]

    def call(changed: ModuleOp, host: HostProgram) -> Sequence[Array]:
        return on_copies(LaunchedFunction(changed, finished, host))

    expected = on_copies(lambda given, contents: evaluate(main_function(finished), given, contents))
    return Subject(module, call, expected, rtol)


def finds(subject: Subject, fault: ChangeOfIR | ChangeOfText) -> Finding:
    """The first who finds a fault in kernels that are right without it; AssertionError if nobody does."""
    assert subject.is_right
    if isinstance(fault, ChangeOfText):
        text = fault(subject.text)
        assert text != subject.text, "the change does nothing"
        findings = _findings(subject, subject.module, text)
    else:
        module = subject.module.clone()
        fault(module)
        module.verify()
        assert not module.is_structurally_equivalent(subject.module), "the change does nothing"
        findings = _findings(subject, module, None)
    with not_recorded():
        for finding in findings:
            if finding is not None:
                return finding
    raise AssertionError("nobody finds the fault")


def _findings(subject: Subject, module: ModuleOp, text: str | None) -> Iterator[Finding | None]:
    """What simt, fibers in each order, and fibers with checks of undefined behaviour say of a module or its text."""
    if text is None:
        yield _finding(subject, module, "simt", lambda: Emulator(module))
    for order in ThreadOrder:
        name = f"fibers {order.name.lower()}"
        yield _finding(subject, module, name, lambda order=order: FiberProgram(module, order, text=text))
    if text is not None:
        yield _finding(
            subject, module, "fibers sanitized", lambda: FiberProgram(module, sanitize=True, text=text)
        )


def _finding(
    subject: Subject, module: ModuleOp, by: str, program: Callable[[], HostProgram]
) -> Finding | None:
    try:
        results = subject.call(module, program())
    except ExecutionError as error:
        return Finding(by, str(error))
    for at, (result, expected) in enumerate(zip(results, subject.expected, strict=True)):
        if result.shape != expected.shape or not _is_close(result, expected, subject.rtol):
            return Finding(by, f"result {at} is wrong")
    return None


def _is_close(a: Array, b: Array, rtol: float) -> bool:
    with np.errstate(invalid="ignore"):  # memory that was not written may hold signalling NaNs
        wide = a.astype(np.float64), b.astype(np.float64)
    return np.allclose(*wide, rtol, rtol, equal_nan=True)
