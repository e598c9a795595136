"""Running passes over a module: verification after each, and hooks around it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.ir.diagnostics import PASS_NOTE
from pullback.dialects.verification import verify
from pullback.passes.pipeline.instrumentation import PassInstrumentation, active_instrumentations
from pullback.passes.pipeline.print_pipeline import pass_heading
from pullback.passes.rewriting.facts_for_next_pass import handing_over
from pullback.process.plugin_code import plugin_of
from pullback.process.quiet_collector import quiet_collector


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
