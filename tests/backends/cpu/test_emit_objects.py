"""Compiling on several threads: the same bytes, the errors, Ctrl-C, and forks."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from pullback.backends.cpu import emit_objects as emitting
from pullback.backends.cpu import kept_objects
from pullback.backends.cpu.emit_objects import LLVMError, ObjectEmitter, emit_object, emit_objects
from pullback.backends.cpu.kept_objects import keep_object, kept_object, not_kept
from pullback.backends.cpu.runtime import link
from pullback.process.locks import COMPILING
from pullback.process.thread_count import ThreadCountError


def module(number: int, lines: int) -> str:
    """A function of so many additions and products."""
    body = [
        f"  %v{at + 1} = {('fadd', 'fmul')[at % 2]} <8 x float> %v{at}, splat (float {at + number}.0)"
        for at in range(lines)
    ]
    head = f"define <8 x float> @f{number}(<8 x float> %v0) {{"
    return "\n".join([head, *body, f"  ret <8 x float> %v{lines}", "}"])


TEXTS = [module(number, lines) for number, lines in enumerate((60, 300, 5, 200, 120))]


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitting, "SMALLEST_FOR_A_THREAD", 1)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_objects_do_not_depend_on_threads_and_order(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = {text: emit_object(text) for text in TEXTS}
    monkeypatch.setenv("PULLBACK_NUM_THREADS", threads)
    for texts in (TEXTS, TEXTS[::-1]):
        assert emit_objects(texts) == tuple(alone[text] for text in texts)


def test_threads_that_the_system_refuses_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    expected = tuple(map(emit_object, TEXTS))
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "3")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert emit_objects(TEXTS) == expected


@pytest.mark.parametrize("threads", ["1", "3"])
def test_of_several_errors_the_first_is_reported(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", threads)
    wrong = [*TEXTS[:2], "define void @first() {\n  nonsense\n}", TEXTS[2], "define void @second() {"]
    with pytest.raises(LLVMError, match=r"LLVM refuses the program: .*nonsense"):
        emit_objects(wrong)


def test_what_a_helper_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = threading.current_thread()

    def emit(text: str, machine: object, between: Callable[[], None]) -> bytes:
        if threading.current_thread() is not caller:
            raise MemoryError
        time.sleep(0.02)
        return b""

    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")
    monkeypatch.setattr(emitting, "emit", emit)
    with pytest.raises(MemoryError):
        emit_objects(TEXTS)


def test_what_is_kept_is_compiled_beside_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = TEXTS[:2]
    assert not_kept([first, second]) == [first, second]
    made = emit_object(second)
    keep_object(second, made)
    assert not_kept([first, second]) == [first]
    with monkeypatch.context() as patched:
        patched.setattr(kept_objects, "emit_objects", None)
        assert kept_object(second) == made


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_modules_that_come_earlier_are_compiled_to_the_same(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", threads)
    interval, before = sys.getswitchinterval(), threading.active_count()
    with ObjectEmitter() as emitter:
        for text in TEXTS[:3]:
            emitter.add(text)
            time.sleep(0.01)
        assert emitter.objects(TEXTS) == tuple(map(emit_object, TEXTS))
    assert threading.active_count() == before
    assert sys.getswitchinterval() == interval


def test_the_last_who_compiles_puts_back_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")
    interval = sys.getswitchinterval()
    with ObjectEmitter() as first:
        first.add(TEXTS[0])
        with ObjectEmitter() as second:
            second.add(TEXTS[1])
            first.__exit__(None, None, None)
            assert sys.getswitchinterval() < interval
        assert sys.getswitchinterval() == interval


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError, None])
def test_helpers_end_when_nobody_wants_the_result(
    raised: type[BaseException] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")
    begun = threading.Event()

    def emit(text: str, machine: object, between: Callable[[], None]) -> bytes:
        begun.set()
        while True:
            between()
            time.sleep(0.001)

    monkeypatch.setattr(emitting, "emit", emit)
    interval, before = sys.getswitchinterval(), threading.active_count()
    with nullcontext() if raised is None else pytest.raises(raised), ObjectEmitter() as emitter:
        emitter.add(TEXTS[0])
        assert begun.wait(10)
        if raised is not None:
            raise raised
    assert threading.active_count() == before
    assert sys.getswitchinterval() == interval


def test_a_wrong_number_of_threads_is_said_when_objects_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not by the pass in which a module comes early."""
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "many")
    with ObjectEmitter() as emitter:
        emitter.add(TEXTS[0])
        with pytest.raises(ThreadCountError, match="got 'many'"):
            emitter.objects(TEXTS)


def test_an_error_in_a_module_that_came_earlier_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")
    wrong = "define void @first() {\n  nonsense\n}"
    with ObjectEmitter() as emitter:
        emitter.add(wrong)
        with pytest.raises(LLVMError, match="nonsense"):
            emitter.objects([*TEXTS, wrong])


def test_parts_call_each_other() -> None:
    parts = (
        "define i32 @part.one() {\n  %r = call i32 @part.two()\n  ret i32 %r\n}\ndeclare hidden i32 @part.two()",
        "define hidden i32 @part.two() {\n  ret i32 42\n}",
    )
    code = link(emit_objects(parts), ["part.one"])
    assert ctypes.CFUNCTYPE(ctypes.c_int)(code["part.one"])() == 42
    with pytest.raises(RuntimeError, match="Failed to materialize"):  # no other library sees it
        link(emit_objects(parts[:1]), ["part.one"])


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of POSIX")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_ends_it(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal arrives while a module is compiled; the helpers have ended when it is raised."""
    monkeypatch.setenv("PULLBACK_NUM_THREADS", threads)
    main = threading.main_thread()
    seen: list[str] = []

    def emit(text: str, machine: object, between: Callable[[], None]) -> bytes:
        if threading.current_thread() is main:
            signal.pthread_kill(main.ident or 0, signal.SIGINT)
        for _ in range(1000):
            between()
            time.sleep(0.001)
        seen.append(text)
        return b""

    monkeypatch.setattr(emitting, "emit", emit)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        emit_objects(TEXTS)
    assert threading.active_count() == before
    assert not seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_waits_for_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")

    def compile_some() -> None:
        for _ in range(3):
            with COMPILING:
                emit_objects(TEXTS)

    other = threading.Thread(target=compile_some)
    other.start()
    child = os.fork()
    if child == 0:
        with COMPILING:
            os._exit(0 if len(emit_objects(TEXTS)) == len(TEXTS) else 1)
    other.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
