"""The C++ compiler: which one is taken, and what is said where there is none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import pullback as pb
from pullback.backends.fibers import compiler
from pullback.backends.fibers.compile_text import CompileError, compile_text
from pullback.backends.fibers.compiler import NoCompilerError, find_compiler


def program(path: Path, text: str = "echo 'a compiler, version 1'") -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one empty folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    return tmp_path


def test_the_first_on_the_path(nothing_installed: Path) -> None:
    for name in ("clang++", "g++", "c++"):
        path = program(nothing_installed / name)
        assert find_compiler().command == (str(path),)
    assert find_compiler().version == "a compiler, version 1\n"


def test_the_one_that_is_named(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(nothing_installed / "c++")
    mine = program(nothing_installed / "mine")
    monkeypatch.setenv("CXX", f"{mine} -B 'some folder'")
    assert find_compiler().command == (str(mine), "-B", "some folder")
    monkeypatch.setenv("CXX", "not-there")
    with pytest.raises(NoCompilerError, match="the C\\+\\+ compiler not-there does not run"):
        find_compiler()
    monkeypatch.setenv("CXX", str(program(nothing_installed / "broken", "echo no licence >&2; exit 3")))
    with pytest.raises(NoCompilerError, match="does not run: no licence"):
        find_compiler()


def test_the_wheel_where_there_is_nothing_else(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zig = program(nothing_installed / "python")
    monkeypatch.setattr(compiler, "find_spec", lambda name: importlib.util.find_spec("json"))
    monkeypatch.setattr(sys, "executable", str(zig))
    assert find_compiler().command == (str(zig), "-m", "ziglang", "c++")


@pytest.mark.usefixtures("nothing_installed")
def test_a_program_without_a_compiler() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (4,))
        step = pb.compile([x], [x + x], target="fibers")
    with pytest.raises(NoCompilerError) as error:
        step([1.0, 2.0, 3.0, 4.0])
    assert "Install one (on Debian: apt install g++)" in str(error.value)
    assert "none of c++, g++, clang++ is on the PATH" in str(error.value)
    assert "pip install ziglang" in str(error.value)


def test_a_program_that_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(program(tmp_path / "wrapper")))
    with pytest.raises(CompileError, match="wrapper reports success and has written no output; expected"):
        compile_text('extern "C" __global__ void k(float* y) {}', ["k"])
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="no ziglang")
def test_the_wheel_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", f"{sys.executable} -m ziglang c++")
    text = 'extern "C" __global__ void k(float* y) { y[0] = __shfl_xor_sync(0xffffffff, y[0], 1); }'
    assert compile_text(text, ["k"]).exists()
    assert compile_text(text, ["k"], sanitize=True).exists()
