"""Running passes over a module: verification after each, and hooks around it."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from threading import get_ident

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.verification import verify
from pullback.passes.pipeline.instrumentation import PassInstrumentation, active_instrumentations
from pullback.passes.pipeline.print_pipeline import pass_heading
from pullback.passes.rewriting.facts_for_next_pass import handing_over
from pullback.process.locks import Lock, wait_before_fork
from pullback.process.plugin_code import plugin_of

PASS_NOTE = "in pass"
"""How the note begins that says which pass raised an exception."""


def run_passes(
    context: Context, module: ModuleOp, passes: Iterable[ModulePass], *, verify_each: bool = True
) -> None:
    """Rewrite `module` in place by each pass in turn, with the hooks of `instrumented` around each.

    Raises:
        VerificationError: the module that a pass left is not valid IR; a note names the pass.
        Exception: what a pass or a hook raised, with a note that names the pass, and the plug-in that it is of.
    """
    instrumentations = active_instrumentations()
    with quiet_collector(), handing_over() as handover:
        for pass_ in passes:
            handover.next(is_unchanged=not instrumentations)
            try:
                for instrumentation in instrumentations:
                    instrumentation.before_pass(pass_, module)
                seconds = _run_pass(context, module, pass_, instrumentations, verify_each)
                for instrumentation in reversed(instrumentations):
                    instrumentation.after_pass(pass_, module, seconds)
            except Exception as error:
                error.add_note(_note(pass_))
                raise


def _note(pass_: ModulePass) -> str:
    plugin = plugin_of(type(pass_).__module__)
    return f"{PASS_NOTE} '{pass_heading(pass_)}'" + ("" if plugin is None else f" of plug-in '{plugin}'")


def _run_pass(
    context: Context,
    module: ModuleOp,
    pass_: ModulePass,
    instrumentations: Sequence[PassInstrumentation],
    verify_each: bool,
) -> float:
    """Runs one pass and verifies what it leaves; the seconds that the pass took."""
    try:
        start = time.perf_counter()
        pass_.apply(context, module)
        seconds = time.perf_counter() - start
        if verify_each:
            verify(module)
    except Exception as error:
        for instrumentation in reversed(instrumentations):
            instrumentation.after_pass_failed(pass_, module, error)
        raise
    return seconds


@contextmanager
def quiet_collector() -> Generator[None]:
    """Collect rarely while IR is built: its many cycles are all alive, and scanning them doubles the time."""
    thread = get_ident()
    with _guard:
        if not _building:
            _thresholds[:] = gc.get_threshold()
            gc.set_threshold(1_000_000, 50, 50)
        _building.append(thread)
    try:
        yield
    finally:
        with _guard:
            _building.remove(thread)
            if not _building:
                _as_before()


_guard = Lock()
wait_before_fork(_guard)
_building: list[int] = []
"""The threads that build IR now: the last one to be done lets the collector run again."""
_thresholds: list[int] = []


def _as_before() -> None:
    gc.set_threshold(*_thresholds)


def _in_child() -> None:
    """Threads that were building are gone."""
    others = [thread for thread in _building if thread != get_ident()]
    _building[:] = [thread for thread in _building if thread == get_ident()]
    if others and not _building:
        _as_before()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_in_child)
