"""Functions of mathematics inlined and called: what the model chooses, and that bits do not depend on it."""

from __future__ import annotations

import ctypes
import platform
import re
from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from numpy.typing import NDArray

from pullback.backends.cpu.emit_objects import emit_object
from pullback.backends.cpu.jit_session import link
from pullback.backends.cpu.llvm.block_order import BlockOrder, bases
from pullback.backends.cpu.llvm.debug_lines import DebugLines
from pullback.backends.cpu.llvm.notes import Comments
from pullback.backends.cpu.llvm.printer import print_module
from pullback.backends.cpu.machine import host_vector_bits, target_machine
from pullback.backends.cpu.math.call_model import ALWAYS_CALLED, ALWAYS_INLINED, MODEL, CallModel
from pullback.backends.cpu.math.library import BINARY, FUNCTIONS, OF_INTEGERS
from pullback.tests.backends.cpu.native import elementwise, parse

FLOATS = sorted(set(FUNCTIONS) - OF_INTEGERS - BINARY)


def loop(ops: Sequence[str], count: int, width: int = 8, unroll: int = 1) -> str:
    """A module whose loop applies `ops`, from `%v` to `%r`, to `count` elements of x; `unroll` vectors at once."""
    array, vector = f"memref<{count}xf32>", f"vector<{width}xf32>"
    body: list[str] = []
    for at in range(unroll):
        body += [f"%o{at} = arith.constant {at * width} : index", f"%i{at} = arith.addi %i, %o{at} : index"]
        body.append(f"%v{at} = vector.load %x[%i{at}] : {array}, {vector}")
        body += [re.sub(r"%([a-z]+)", rf"%\g<1>{at}", op.replace("T", vector)) for op in ops]
        body.append(f"vector.store %r{at}, %y[%i{at}] : {array}, {vector}")
    return f"""
func.func @main(%x: {array}, %y: {array}) {{
  %zero = arith.constant 0 : index
  %end = arith.constant {count} : index
  %step = arith.constant {width * unroll} : index
  scf.for %i = %zero to %end step %step {{
    {chr(10).join(body)}
  }}
  func.return
}}
"""


def printed(text: str, model: CallModel = MODEL) -> str:
    return print_module(parse(text), model=model).text


def calls(text: str) -> list[str]:
    """The functions of the math library that kernels call, in order."""
    body = text[: text.index("define internal")]
    return re.findall(r"call [^@]*@pb\.([\w.]+)\(", body)


def results(text: str, x: NDArray[Any]) -> NDArray[Any]:
    y = np.zeros_like(x)
    code = link([emit_object(text)], ["main.packed"])
    addresses = (ctypes.c_void_p * 2)(x.ctypes.data, y.ctypes.data)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code["main.packed"])(ctypes.addressof(addresses))
    return y


CHAIN = ["%a = math.tanh %v : T", "%b = arith.mulf %a, %v : T", "%r = math.exp %b : T"]
SIX = [
    *(
        f"%{name} = math.{op} %v : T"
        for name, op in zip("abcdef", ("tanh", "exp", "sin", "log", "erf", "exp"), strict=True)
    ),
    *(f"%{b}{b} = arith.addf %{a}, %{b} : T" for a, b in (("a", "b"), ("bb", "c"), ("cc", "d"), ("dd", "e"))),
    "%r = arith.mulf %ee, %f : T",
]


def test_a_loop_that_runs_often_has_functions_of_its_own() -> None:
    assert calls(printed(loop(CHAIN, 1 << 20))) == ["tanh.v8f32", "exp.v8f32"]


def test_a_loop_that_runs_seldom_calls_where_there_are_many_calls() -> None:
    ops = [
        "%a = math.tanh %v : T",
        *(f"%{c} = math.tanh %{b} : T" for b, c in ["ab", "bc", "cd", "de", "er"]),
    ]
    text = printed(loop(ops, 64))
    assert calls(text) == ["tanh.v8f32.x1"] * 6
    assert "@pb.tanh.v8f32.x1(<8 x float> %x0) noinline" in text
    assert calls(printed(loop(CHAIN, 64))) == [
        "tanh.v8f32",
        "exp.v8f32",
    ]  # one call of each: nothing to share


def test_calls_that_do_not_wait_for_each_other_are_one() -> None:
    ops = [
        "%a = math.tanh %v : T",
        *(f"%{c} = math.tanh %{b} : T" for b, c in ["ab", "bc", "cd", "de", "er"]),
    ]
    text = printed(loop(ops, 4096, unroll=2), ALWAYS_CALLED)
    assert calls(text) == ["tanh.v8f32.x2"] * 6
    assert "{ <8 x float>, <8 x float> } @pb.tanh.v8f32.x2(<8 x float> %x0, <8 x float> %x1) noinline" in text
    for unroll, widths in ((6, (2, 2, 2)), (8, (4, 4)), (9, (4, 4, 1))):
        found = calls(printed(loop(CHAIN, unroll << 16, unroll=unroll), ALWAYS_CALLED))
        assert sorted(found) == sorted(f"{name}.v8f32.x{n}" for name in ("exp", "tanh") for n in widths)


def test_a_loop_with_more_code_than_its_cache_calls() -> None:
    ops = ["%a = math.exp %v : T", *(f"%a{'a' * n} = math.exp %a{'a' * (n - 1)} : T" for n in range(1, 200))]
    text = printed(loop([*ops, f"%r = math.exp %a{'a' * 199} : T"], 1 << 20))
    assert set(calls(text)) == {"exp.v8f32.x1"}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads the assembly of x86")
def test_vectors_that_calls_may_overwrite_are_stored_in_one_line_of_the_cache_each() -> None:
    """Wherever the stack begins: stored in two lines, a loop with calls took 1.6 times as long."""
    text = printed(loop(CHAIN, 1 << 12, width=host_vector_bits() // 32, unroll=2), ALWAYS_CALLED)
    assembly = target_machine().emit_assembly(llvm.parse_assembly(text))
    spills = re.findall(r"(vmov\w+)\s.*%[yz]mm\d+, .*\(%r[sb]p\)", assembly)
    assert spills
    assert not [mnemonic for mnemonic in spills if mnemonic.startswith("vmovu")]


@pytest.mark.parametrize("format", ["f32", "f64"])
@pytest.mark.parametrize("name", FLOATS)
def test_a_called_function_has_the_bits_of_an_inlined_one(name: str, format: str) -> None:
    """Between products that may be contracted with additions: not with those of the function."""
    op = "%a = arith.mulf %v, %v fastmath<contract> : T\n"
    op += f"%b = math.{name} %a : T\n%c = math.{name} %v : T\n"
    op += "%d = arith.mulf %b, %v fastmath<contract> : T\n%r = arith.addf %d, %c fastmath<contract> : T"
    text = elementwise(op, format, format, 512, 8)
    x = (np.random.default_rng(3).normal(size=512) * 3).astype(np.dtype(f"f{int(format[1:]) // 8}"))
    x[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30]
    inlined, called = (printed(text, model) for model in (ALWAYS_INLINED, ALWAYS_CALLED))
    assert ".x1(" not in inlined
    assert f"@pb.{name}.v8{format}.x" in called
    np.testing.assert_array_equal(results(inlined, x), results(called, x))


@pytest.mark.parametrize("unroll", [1, 2, 3, 4, 5, 8])
def test_batches_have_the_bits_of_single_calls(unroll: int) -> None:
    x = np.random.default_rng(unroll).normal(size=8 * unroll * 3).astype(np.float32)
    text = loop(SIX, len(x), unroll=unroll)
    expected = results(printed(text, ALWAYS_INLINED), x)
    np.testing.assert_array_equal(results(printed(text, ALWAYS_CALLED), x), expected)
    np.testing.assert_array_equal(results(printed(text), x), expected)


def test_notes_do_not_disturb_batches() -> None:
    module = parse(loop(SIX, 96, unroll=3))
    plain = emit_object(print_module(module, model=ALWAYS_CALLED).text)
    assert emit_object(print_module(module, notes=Comments(), model=ALWAYS_CALLED).text) == plain
    emit_object(print_module(module, notes=DebugLines(), model=ALWAYS_CALLED).text)


FUNCTION = """\
define void @f(ptr noalias align 4 %x, ptr noalias align 4 %y, ptr %z) {
entry:
  %x.at = getelementptr inbounds float, ptr %x, i64 4
  %a = load float, ptr %x.at, align 4
  store float %a, ptr %y, align 4
  %b = load float, ptr %x, align 4
  %c = load float, ptr %y, align 4
  store float %b, ptr %x.at, align 4
  %d = load float, ptr %z, align 4
  %e = call float @pb.exp.f32#0(float %d)
  call void @anything(ptr %y)
  %f = call contract float @llvm.fma.f32(float %d, float %e, float %e)
  ret void
}"""


def test_memory_keeps_its_order() -> None:
    lines = FUNCTION.split("\n")
    needs = BlockOrder.of(lines[2:-2], bases(lines)).needs
    assert needs == [
        set(),
        {0},
        {1},  # %a
        set(),  # reads x, which nothing wrote
        {2},  # reads what was written to y
        {0, 1, 3},  # overwrites what was read, and takes %b
        {2, 5},  # %z may be either
        {6},
        {2, 4, 5, 6},  # a call may touch anything
        {6, 7},
    ]


def test_an_order_keeps_what_waits_behind() -> None:
    lines = [f"  %v{at} = add i32 %w, {at}" for at in range(6)]
    order = BlockOrder(lines, [set(), {0}, set(), {2}, {1, 3}, set()]).order([[0, 2]])
    assert order == [[0, 2], (1,), (3,), (4,), (5,)]
    with pytest.raises(AssertionError, match="wait for each other"):
        BlockOrder(lines[:2], [set(), {0}]).order([[0, 1]])
