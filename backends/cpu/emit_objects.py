"""Compiles LLVM IR to object files on several threads: each module by itself, whoever takes it, to the same bytes.

`ObjectEmitter` takes modules while others are still being made: helpers compile what is there, and the thread that
makes them compiles what is left when it has made them all.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

import llvmlite.binding as llvm

from pullback.backends.cpu.llvm_library import Machine, RefusedError, emit
from pullback.backends.cpu.machine import target_machine
from pullback.backends.cpu.short_turns import SHORT_TURNS
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.process.interrupts import poll, putting_off
from pullback.process.thread_count import ThreadCountError, get_num_threads

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
    with ObjectEmitter() as emitter:
        return emitter.objects(texts)


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


class ObjectEmitter:
    """Modules to compile, and what has become of them; a context, at whose end all threads have ended."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._open: deque[str] = deque()
        self._objects: dict[str, bytes] = {}
        self._refused: dict[str, RefusedError] = {}
        self._failure: BaseException | None = None
        self._helpers: list[threading.Thread] = []
        self._has_short_turns = False
        self._is_stopped = False

    def __enter__(self) -> ObjectEmitter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        putting_off(self._stop)

    def add(self, text: str) -> None:
        """Has a module compiled by another thread, if a step may use one; `objects` will be asked for it."""
        if text not in self._known:
            self._known.add(text)
            self._open.append(text)
            if len(text) >= SMALLEST_FOR_A_THREAD:
                with suppress(ThreadCountError):  # the user's error, which `objects` raises
                    self._start_helpers(1)

    def objects(self, texts: Sequence[str]) -> tuple[bytes, ...]:
        """The object file of each module, of those that were added, and of others; see `emit_objects`."""
        return putting_off(self._shared, texts)

    def _shared(self, texts: Sequence[str]) -> tuple[bytes, ...]:
        """Compiles what is left, the longest first, the calling thread among those that do."""
        others = dict.fromkeys(text for text in texts if text not in self._known)
        self._known |= others.keys()
        self._open += sorted(others, key=len, reverse=True)
        large = sum(len(text) >= SMALLEST_FOR_A_THREAD for text in list(self._open))
        self._start_helpers(large - 1)
        self._compile(poll)
        for helper in self._helpers:
            while helper.is_alive():
                helper.join(LOOK_AFTER)
                poll()
        if self._failure is not None:
            raise self._failure
        for text in texts:
            if (refusal := self._refused.get(text)) is not None:
                raise LLVMError(f"LLVM refuses the program: {refusal}") from refusal
        return tuple(self._objects[text] for text in texts)

    def _start_helpers(self, most: int) -> None:
        """Starts some threads beside those that compile already, no more than a step may use with the calling one."""
        self._helpers = [helper for helper in self._helpers if helper.is_alive()]
        count = min(most, get_num_threads() - 1 - len(self._helpers)) if most > 0 else 0
        if count > 0 and not self._has_short_turns:
            self._has_short_turns = True
            SHORT_TURNS.begin()
        for _ in range(count):
            helper = threading.Thread(target=self._help, daemon=True)
            self._helpers.append(helper)
            try:
                helper.start()
            except RuntimeError:  # the system has no more threads for us: those that there are do it
                self._helpers.remove(helper)

    def _stop(self) -> None:
        self._is_stopped = True
        for helper in self._helpers:
            if helper.ident is not None:  # it was started
                helper.join()
        if self._has_short_turns:
            self._has_short_turns = False
            SHORT_TURNS.end()

    def _help(self) -> None:
        """Compiles what is there, and ends when there is nothing."""
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
                between()
                try:
                    text = self._open.popleft()
                except IndexError:  # another thread was faster
                    return
                try:
                    self._objects[text] = emit(text, machine, between)
                except RefusedError as refusal:
                    self._refused[text] = refusal
        finally:
            _machines.append(machine)
