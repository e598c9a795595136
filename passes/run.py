"""Running passes over a module: verification and an observer after each."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.verification import verify

PASS_NOTE = "in pass"
"""How the note begins that says which pass raised an exception."""

Observer = Callable[[ModulePass, ModuleOp, float], None]
"""Called after each pass with the pass, the module, and the seconds that the pass alone took."""


def run_passes(
    context: Context,
    module: ModuleOp,
    passes: Iterable[ModulePass],
    *,
    verify_each: bool = True,
    observe: Observer | None = None,
) -> None:
    """Rewrite `module` in place by each pass in turn.

    Raises:
        VerificationError: the module that a pass left is not valid IR; a note names the pass.
        Exception: what a pass raised, with a note that names the pass.
    """
    with quiet_collector():
        for pass_ in passes:
            try:
                start = time.perf_counter()
                pass_.apply(context, module)
                seconds = time.perf_counter() - start
                if verify_each:
                    verify(module)
            except Exception as error:
                error.add_note(f"{PASS_NOTE} '{pass_}'")
                raise
            if observe is not None:
                observe(pass_, module, seconds)


@contextmanager
def quiet_collector() -> Generator[None]:
    """Collect rarely while IR is built: its many cycles are all alive, and scanning them doubles the time."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
