"""What is a message for people is told by its class, and no tool lists exceptions."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest
from xdsl.utils.exceptions import DiagnosticException
from xdsl.utils.lexer import Input, Span

from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import DiagnosticError, TextError, UnsupportedError, about
from pullback.dialects.ir.source import parse
from pullback.driver.failure import explain
from pullback.process import thread_count

PACKAGES = ("dialects", "passes", "backends", "driver")
PROGRAM = "func.func @f(%x: i32) -> i32 {\n  %y = arith.addi %x, %x : i32\n  func.return %y : i32\n}\n"


CAUGHT = {
    "NotKeptError": "why code is not kept, for the report of the cache",
    "RefusedError": "what LLVM says, which an LLVMError says with the program's name",
    "_UnclearError": "leaves a module that one walk does not accept to who says what is wrong",
    "_StoppedError": "ends a thread whose result nobody wants any more",
}
"""Exceptions that the compiler itself catches, and what they are for."""


def own_exceptions() -> list[type[BaseException]]:
    """Every exception class that the compiler defines, in the modules below the frontend and the tools."""
    for package in PACKAGES:
        found = importlib.import_module(f"pullback.{package}")
        for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
            importlib.import_module(module.name)
    classes: list[type[BaseException]] = []
    left: list[type[BaseException]] = [BaseException]
    while left:
        left += (found := left.pop().__subclasses__())
        classes += [cls for cls in found if cls.__module__.split(".")[:1] == ["pullback"]]
    inner = [
        cls for cls in classes if cls.__module__.split(".")[1] in PACKAGES and not issubclass(cls, Warning)
    ]
    return sorted(dict.fromkeys(inner), key=lambda cls: cls.__qualname__)


def test_each_exception_of_the_compiler_is_a_message_for_people() -> None:
    classes = own_exceptions()
    assert {"LLVMPrintError", "ExecutionError", "CompileError", "PipelineError"} <= {
        c.__name__ for c in classes
    }
    assert [c for c in classes if not issubclass(c, DiagnosticException) and c.__name__ not in CAUGHT] == []
    assert set(CAUGHT) <= {c.__name__ for c in classes}


class BackendError(DiagnosticError, OSError):
    """What a backend that nobody knows of would raise."""


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (lambda op: BackendError("the device is gone", op), "<text>:2:3: error: the device is gone"),
        (lambda op: BackendError("the device is gone"), "<text>:1:1: error: the device is gone"),
        (lambda op: TextError("wrong", Span(2, 4, Input("abcdef", "--x"))), "--x:1:3: error: wrong"),
        (
            lambda op: OSError("no"),
            "<text>:1:1: error: internal error: OSError: no (--traceback shows where)",
        ),
    ],
)
def test_what_is_said_follows_from_the_class(raised: Callable[[object], Exception], said: str) -> None:
    source = parse(context(), PROGRAM, "<text>")
    op = next(op for op in source.module.walk() if op.name == "arith.addi")
    failure = explain(raised(op), source, Span(0, 0, Input(PROGRAM, "<text>")))
    assert str(failure).splitlines()[0] == said


def test_an_operation_is_blamed_for_what_names_none() -> None:
    module = parse(context(), PROGRAM).module
    op, other = module, next(op for op in module.walk() if op.name == "arith.addi")
    for error, blamed in ((UnsupportedError("a"), op), (UnsupportedError("b", other), other)):
        with pytest.raises(UnsupportedError) as caught, about(op):
            raise error
        assert caught.value.op is blamed


def test_a_wrong_number_of_threads_is_the_users_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was an internal error, with a reproducer that reproduced nothing."""
    monkeypatch.setattr(thread_count, "_set", None)
    monkeypatch.setenv(thread_count.VARIABLE, "banana")
    with pytest.raises(ValueError, match="got 'banana'") as raised:
        thread_count.get_num_threads()
    failure = explain(raised.value, None, Span(0, 0, Input("", "program.mlir")))
    assert not failure.is_internal
    assert failure.message.startswith("PULLBACK_NUM_THREADS: expected a number of threads from 1 to 256")
