"""Pass instrumentation: hooks before and after each pass, and where one fails, for all passes that a thread runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass


class PassInstrumentation:
    """Hooks around each pass. A subclass overrides those that it needs; the module is the one that passes rewrite.

    What a hook raises ends the run of passes. As in MLIR, hooks before a pass are called in the order in which they
    were given, and those after it in the opposite order.
    """

    needs_every_pass: bool = True
    """Whether passes are to run even where code that is kept would make them needless."""

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Called before a pass, with the module that it will rewrite."""

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Called after a pass, when its module is verified, with the seconds that the pass alone took."""

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        """Called where a pass raised an error, or left a module that is not valid, with the module as it then is."""


_ACTIVE: ContextVar[tuple[PassInstrumentation, ...]] = ContextVar("instrumentations", default=())


@contextmanager
def instrumented(*instrumentations: PassInstrumentation) -> Generator[None]:
    """Calls these hooks around each pass that this thread runs meanwhile, those of a target's pipeline included.

    Raises:
        TypeError: for what is no `PassInstrumentation`.
    """
    for given in instrumentations:
        if not isinstance(given, PassInstrumentation):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"instrumented: expected objects of PassInstrumentation, got {given!r}")
    token = _ACTIVE.set((*_ACTIVE.get(), *instrumentations))
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def active_instrumentations() -> tuple[PassInstrumentation, ...]:
    """The instrumentations of this thread, in the order in which they were given."""
    return _ACTIVE.get()
