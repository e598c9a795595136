"""Modules of LLVM IR in parts: what goes where, and that the parts compute what the whole does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cpu.llvm import module_parts as splitting
from pullback.backends.cpu.llvm.module_parts import module_parts
from pullback.tests.backends.cpu.native import print_text, program

MODULE = """\
@table = internal constant [2 x float] [float 1.0, float 2.0], align 64
@main.changed = global [1 x i8] zeroinitializer
@count = internal global i64 0

define internal void @one(ptr noalias captures(none) readonly align 4 %x, i64 %n) noinline nounwind {
entry:
  %v = load float, ptr @table
  %w = call float @pb.twice.f32(float %v)
  ret void
}

define internal void @two(ptr noalias align 4 %x) noinline nounwind {
entry:
  %v = load float, ptr @table
  call void @run(ptr @two.body, ptr %x)
  ret void
}

define internal void @two.body(ptr %x) {
entry:
  call void @three()
  ret void
}

define internal void @three() noinline {
entry:
  %c = load i64, ptr @count
  ret void
}

define void @main(ptr %x) {
entry:
  call void @one(ptr %x, i64 4)
  call void @two(ptr %x)
  call void @three()
  store i64 1, ptr @count
  ret void
}

define void @main.packed(ptr %arguments) {
entry:
  call void @main(ptr %arguments)
  ret void
}

define internal float @pb.twice.f32(float %x) alwaysinline {
entry:
  %r = call float @llvm.fma.f32(float %x, float 2.0, float 0.0)
  ret float %r
}

declare float @llvm.fma.f32(float, float, float)
declare void @run(ptr, ptr)
"""


def split(monkeypatch: pytest.MonkeyPatch, text: str, lines: int) -> tuple[str, ...]:
    monkeypatch.setattr(splitting, "LINES_OF_A_PART", lines)
    return module_parts(text)


def defined(part: str) -> set[str]:
    return set(re.findall(r"(?m)^(?:define[^@]*)?@([\w.]+)[ (]", part))


def test_what_is_in_which_part(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = split(monkeypatch, MODULE, 12)
    homes = {name: [at for at, part in enumerate(parts) if name in defined(part)] for name in defined(MODULE)}
    assert len(parts) > 1
    everywhere = {"table", "pb.twice.f32"}
    assert all(len(found) == 1 for name, found in homes.items() if name not in everywhere)
    assert homes["two"] == homes["two.body"]  # its address is taken
    assert homes["main"] == homes["main.packed"] == homes["count"] == homes["three"]  # they share a variable
    assert homes["two"] != homes["main"]
    user = parts[homes["one"][0]]
    assert "@pb.twice.f32(float %x) alwaysinline" in user and "declare float @llvm.fma.f32" in user
    caller = parts[homes["main"][0]]
    assert (
        "declare hidden void @one(ptr noalias captures(none) readonly align 4, i64) nounwind" in caller
        or "define internal void @one" in caller
    )
    assert "define hidden void @two(" in parts[homes["two"][0]]
    assert "define internal void @two.body(" in parts[homes["two"][0]]


def test_small_modules_and_debug_lines_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module_parts(MODULE) == (MODULE,)
    text = MODULE + "\n!llvm.module.flags = !{}\n"
    assert split(monkeypatch, text, 5) == (text,)


def test_parts_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    text = print_text(program("softmax")) + print_text(program("stack")).replace("@main", "@other")
    monkeypatch.setattr(splitting, "LINES_OF_A_PART", 30)
    assert len(module_parts(text)) > 1
    assert module_parts(text) == module_parts(text)


def step() -> Any:
    """Values and gradients of several kernels, with a loop, an operation of the host, and a variable."""
    rng = np.random.default_rng(0)
    with pb.Graph():
        x = pb.placeholder("f32", (33, 17))
        w = pb.Variable(rng.standard_normal((17, 17)).astype(np.float32))
        h = x
        for _ in range(3):
            h = pb.softmax(pb.tanh(h @ w) + pb.exp(-h * h))
        ordered = pb.sort(h, axis=-1)
        loss = pb.sum(ordered * h) + pb.sum(pb.sin(h))
        update = pb.train.GradientDescentOptimizer(0.1).minimize(loss)
        return pb.compile([x], [loss, ordered, update], target="cpu"), w


def test_parts_compute_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).standard_normal((33, 17)).astype(np.float32)
    outputs: list[list[bytes]] = []
    for lines in (1 << 30, 40):
        monkeypatch.setattr(splitting, "LINES_OF_A_PART", lines)
        run, w = step()
        assert (len(module_parts(run.ir("llvm"))) > 4) == (lines == 40)
        values = [np.asarray(v) for _ in range(2) for v in run(x)[:2]]
        outputs.append([v.tobytes() for v in values] + [w.numpy().tobytes()])
    assert outputs[0] == outputs[1]
