"""Functions that are compiled while others are still being lowered: the same bytes, results and errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import UnrealizedConversionCastOp
from xdsl.ir import Operation

import pullback as pb
from pullback.backends.cpu import emit_objects
from pullback.backends.cpu.llvm import module_parts, printer
from pullback.backends.cpu.make_native_code import NativeCodeMaker, native_code_maker
from pullback.driver.target_pipeline import lowered_for
from pullback.driver.targets.registry import target_named
from pullback.passes.lowering.made_functions import telling_of_functions


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit_objects, "SMALLEST_FOR_A_THREAD", 1)
    monkeypatch.setattr(module_parts, "LINES_OF_A_PART", 60)


def step() -> Any:
    """Products and sums, functions of mathematics, an operation of the host, and a variable."""
    rng = np.random.default_rng(0)
    with pb.Graph():
        x = pb.placeholder("f32", (33, 17))
        w = pb.Variable(rng.standard_normal((17, 17)).astype(np.float32))
        h = pb.relu(pb.sort(pb.relu(x @ w), axis=-1) @ w)
        loss = pb.sum(h * h) + pb.sum(pb.tanh(pb.max(h, axis=0)))
        return pb.compile([x], [loss, h, pb.train.GradientDescentOptimizer(0.1).minimize(loss)]), w


def made(early: bool = True) -> tuple[tuple[bytes, ...], int]:
    """The objects of the step, and how many of them were begun early."""
    graph = step()[0]._program.specialised(None)
    with native_code_maker() as maker:
        with telling_of_functions(maker.early if early else lambda function: None):
            loops = lowered_for(graph, target_named("cpu"))
        return maker.of(loops)[0].objects, len(maker._texts)


def results() -> list[bytes]:
    run, w = step()
    x = np.random.default_rng(1).standard_normal((33, 17)).astype(np.float32)
    values = [np.asarray(v).tobytes() for _ in range(2) for v in run(x)[:2]]
    return [*values, w.numpy().tobytes()]


def test_objects_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[tuple[bytes, ...], int]] = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("PULLBACK_NUM_THREADS", threads)
        found.append(made())
    assert found[0][1] > 2
    assert found[0] == found[1] == found[2]


def test_results_are_those_of_a_module_printed_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    early = results()
    monkeypatch.setattr(NativeCodeMaker, "early", lambda self, function: None)
    assert made()[1] == 0
    assert results() == early


def test_what_is_not_known_yet_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that cannot be printed, and those with calls that the whole module decides, are printed at the end."""
    expected = results()
    print_function = printer.print_function
    refused: list[str] = []

    def refuse_some(op: func.FuncOp, *arguments: Any) -> str:
        text = print_function(op, *arguments)
        if op.sym_name.data.endswith(("0", "3")) and op.sym_name.data not in refused:
            refused.append(op.sym_name.data)
            raise KeyError(op)
        return text

    monkeypatch.setattr(printer, "print_function", refuse_some)
    assert results() == expected
    assert refused


def blocking(text: str, machine: object, between: Callable[[], None]) -> bytes:
    while True:
        between()
        time.sleep(0.001)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, ZeroDivisionError])
def test_no_thread_is_left_when_the_lowering_ends_half_way(
    raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")
    monkeypatch.setattr(emit_objects, "emit", blocking)
    early = NativeCodeMaker.early
    before = threading.active_count()

    def until_one_is_compiled(self: NativeCodeMaker, function: Operation) -> None:
        early(self, function)
        if threading.active_count() > before:
            raise raised

    monkeypatch.setattr(NativeCodeMaker, "early", until_one_is_compiled)
    with pytest.raises(raised):
        results()
    assert threading.active_count() == before


def test_a_module_that_is_no_loops_is_refused_in_the_words_of_its_verification(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lowering that goes wrong is found by `verify-level`, though the function was printed, or not, before."""
    early = NativeCodeMaker.early

    def after_a_change(self: NativeCodeMaker, function: Operation) -> None:
        assert isinstance(function, func.FuncOp)
        argument = function.body.block.args[0]
        cast = UnrealizedConversionCastOp.create(operands=[argument], result_types=[argument.type])
        assert function.body.block.first_op is not None
        function.body.block.insert_op_before(cast, function.body.block.first_op)
        early(self, function)

    monkeypatch.setattr(NativeCodeMaker, "early", after_a_change)
    with pytest.raises(Exception, match=r"'builtin.unrealized_conversion_cast' has no place"):
        results()
