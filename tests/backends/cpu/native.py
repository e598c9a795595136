"""Compiles level `loops` from text, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from pullback.backends.cpu.llvm.printer import print_llvm
from pullback.backends.cpu.runtime import Executable, compile_module
from pullback.dialects.context import context

PROGRAMS = Path(__file__).parent / "programs"


def program(name: str) -> str:
    """The text of a program of level `loops` that was written by hand."""
    return (PROGRAMS / f"{name}.mlir").read_text()


def parse(text: str) -> ModuleOp:
    """A verified module."""
    module = Parser(context(), text).parse_module()
    module.verify()
    return module


def compile_text(text: str, entry: str = "main") -> Executable:
    """A module's entry function as native code."""
    return compile_module(parse(text), entry)


def print_text(text: str) -> str:
    """A module's LLVM IR."""
    return print_llvm(parse(text))


def elementwise(op: str, source: str, result: str, count: int = 64, width: int | None = 16) -> str:
    """A module that applies `op`, a line from `%v` to `%r`, to `count` elements of x into y.

    `width` elements at a time, or one by one where it is None. In `op`, T is the type of `%v`, and U
    for that of `%r`.
    """
    vector = "vector." if width else "memref."
    source_type = f"vector<{width}x{source}>" if width else source
    result_type = f"vector<{width}x{result}>" if width else result
    loaded = f", {source_type}" if width else ""
    stored = f", {result_type}" if width else ""
    line = op.replace("T", source_type).replace("U", result_type)
    return f"""
func.func @main(%x: memref<{count}x{source}>, %y: memref<{count}x{result}>) {{
  %zero = arith.constant 0 : index
  %count = arith.constant {count} : index
  %step = arith.constant {width or 1} : index
  scf.for %i = %zero to %count step %step {{
    %v = {vector}load %x[%i] : memref<{count}x{source}>{loaded}
    {line}
    {vector}store %r, %y[%i] : memref<{count}x{result}>{stored}
  }}
  func.return
}}
"""


def binary(op: str, type: str, result: str, width: int | None, count: int) -> str:
    """A module that applies `op`, on `%a` and `%b` of type T, to two arrays of `count` elements; results are U."""
    access = "vector" if width else "memref"
    vector = f"vector<{width}x{type}>" if width else type
    suffix = f", {vector}" if width else ""
    stored = f", vector<{width}x{result}>" if width else ""
    array = f"memref<{count}x{type}>"
    return f"""
func.func @main(%x: {array}, %y: {array}, %z: memref<{count}x{result}>) {{
  %zero = arith.constant 0 : index
  %count = arith.constant {count} : index
  %step = arith.constant {width or 1} : index
  scf.for %i = %zero to %count step %step {{
    %a = {access}.load %x[%i] : {array}{suffix}
    %b = {access}.load %y[%i] : {array}{suffix}
    {op.replace("T", vector).replace("U", f"vector<{width}x{result}>" if width else result)}
    {access}.store %r, %z[%i] : memref<{count}x{result}>{stored}
  }}
  func.return
}}
"""
