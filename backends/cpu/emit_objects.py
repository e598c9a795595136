"""Compiles LLVM IR to object files on several threads: each module by itself, whoever takes it, to the same bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import llvmlite.binding as llvm

from pullback.backends.cpu.llvm_library import Machine, RefusedError, emit
from pullback.backends.cpu.machine import target_machine
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.process.interrupts import poll, putting_off
from pullback.process.thread_count import get_num_threads

SMALLEST_FOR_A_THREAD = 30_000
"""Characters of LLVM IR, some 20 ms of work: with less there is nothing to share."""
LOOK_AFTER = 0.05
"""Seconds between two looks for Ctrl-C while others compile."""


class LLVMError(DiagnosticError, RuntimeError):
    """LLVM has refused the IR of a program."""


def emit_objects(texts: Sequence[str]) -> tuple[bytes, ...]:
    """The object file of each module of LLVM IR, for this machine; they are linked together, and refer to each other.

    Raises:
        LLVMError: a RuntimeError, for text that LLVM refuses; of several such texts, for the first.
    """
    large = sum(len(text) >= SMALLEST_FOR_A_THREAD for text in texts)
    threads = min(large, get_num_threads()) if large > 1 else 1
    return putting_off(_Work(texts).shared_by, threads)


def emit_object(text: str) -> bytes:
    """The object file of one module of LLVM IR."""
    return emit_objects([text])[0]


_machines: deque[Machine] = deque()
"""Descriptions of this machine that no thread uses now."""


def _machine() -> Machine:
    try:
        return _machines.pop()
    except IndexError:
        known = target_machine()
        features = llvm.get_host_cpu_features().flatten()
        return Machine(known.triple, str(known.target_data), llvm.get_host_cpu_name(), features)


class _StoppedError(Exception):
    """Nobody wants the result any more."""


class _Work:
    """Modules to compile, the longest first, and what has become of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._open = deque(sorted(range(len(texts)), key=lambda at: (-len(texts[at]), at)))
        self._objects: dict[int, bytes] = {}
        self._refused: dict[int, RefusedError] = {}
        self._failure: BaseException | None = None
        self._is_stopped = False

    def shared_by(self, threads: int) -> tuple[bytes, ...]:
        """Compiles all of them, the calling thread among those that do; all others have ended when it returns."""
        helpers: list[threading.Thread] = []
        try:
            for _ in range(threads - 1):
                helper = threading.Thread(target=self._help, daemon=True)
                helper.start()
                helpers.append(helper)
        except RuntimeError:
            pass  # the system has no more threads for us: those that there are do it
        try:
            self._compile(poll)
            for helper in helpers:
                while helper.is_alive():
                    helper.join(LOOK_AFTER)
                    poll()
        finally:
            self._is_stopped = True
            for helper in helpers:
                helper.join()
        if self._failure is not None:
            raise self._failure
        if self._refused:
            refusal = min(self._refused.items())[1]
            raise LLVMError(f"LLVM refuses the program: {refusal}") from refusal
        return tuple(self._objects[at] for at in range(len(self._texts)))

    def _help(self) -> None:
        try:
            self._compile(self._check)
        except _StoppedError:
            pass
        except BaseException as failure:  # the calling thread raises it
            self._failure = failure

    def _check(self) -> None:
        if self._is_stopped:
            raise _StoppedError

    def _compile(self, between: Callable[[], None]) -> None:
        """Compiles what is open, one after the other."""
        machine = _machine()
        try:
            while self._open:
                try:
                    at = self._open.popleft()
                except IndexError:  # another thread was faster
                    return
                try:
                    self._objects[at] = emit(self._texts[at], machine, between)
                except RefusedError as refusal:
                    self._refused[at] = refusal
        finally:
            _machines.append(machine)
