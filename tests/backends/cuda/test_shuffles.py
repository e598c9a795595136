"""Shuffles of every type that kernels have, as CUDA text: NVRTC compiles it, and fibers and the emulator agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import compile_to_cubin
from pullback.backends.fibers.fiber_program import FiberProgram
from pullback.backends.simt import emulator
from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.ir.source import parse
from pullback.tests.compiled_kernels import needs_nvrtc

DTYPES = {"f32": "f4", "f64": "f8", "i32": "i4", "i64": "i8", "i8": "i1"}
CASES = list(product(("xor", "up", "down", "idx"), (32, 8)))
"""Modes, and lanes of a group."""


def module(type_: str, valid: bool = False) -> ModuleOp:
    """Each case stores what it shuffles in a row of the result; the last shuffle is of truth values."""
    given, made = f"memref<64x{type_}>", f"memref<{len(CASES) + 1}x64x{type_}>"
    lines: list[str] = []
    for row, (mode, width) in enumerate(CASES):
        lines += [
            f"%row_{row} = arith.constant {row} : index",
            f"%width_{row} = arith.constant {width} : i32",
            f"%s_{row}, %valid_{row} = gpu.shuffle {mode} %v, %distance, %width_{row} : {type_}",
            f"memref.store %s_{row}, %y[%row_{row}, %t] : {made}",
        ]
    zero = f"arith.constant 0{'.0' if type_[0] == 'f' else ''} : {type_}"
    compare = "arith.cmpf ogt," if type_[0] == "f" else "arith.cmpi sgt,"
    return parse(
        context(),
        f"""builtin.module attributes {{gpu.container_module}} {{
      gpu.module @kernels {{
        gpu.func @shuffles(%x: {given}, %y: {made}) kernel {{
          %t = gpu.thread_id x
          %distance = arith.constant 3 : i32
          %v = memref.load %x[%t] : {given}
          {" ".join(lines)}
          %zero = {zero}
          %last = arith.constant {len(CASES)} : index
          %positive = {compare} %v, %zero : {type_}
          %truth, %within = gpu.shuffle xor %positive, %distance, %width_0 : i1
          %chosen = arith.select {"%within" if valid else "%truth"}, %v, %zero : {type_}
          memref.store %chosen, %y[%last, %t] : {made}
          gpu.return
        }}
      }}
      func.func @main(%x: {given}, %y: {made}) {{
        %one = arith.constant 1 : index
        %threads = arith.constant 64 : index
        gpu.launch_func @kernels::@shuffles blocks in (%one, %one, %one) threads in (%threads, %one, %one)
            args(%x : {given}, %y : {made})
        func.return
      }}
    }}""",
    ).module


@pytest.mark.compiler
@pytest.mark.parametrize("type_", DTYPES)
def test_fibers_and_the_emulator_agree(type_: str, rng: np.random.Generator) -> None:
    x = rng.integers(-100, 100, 64).astype(DTYPES[type_])
    expected, got = (np.zeros((len(CASES) + 1, 64), x.dtype) for _ in range(2))
    emulator.run(module(type_), [x, expected])
    FiberProgram(module(type_)).run("main", [x, got])
    np.testing.assert_array_equal(got, expected)


@needs_nvrtc
@pytest.mark.parametrize("type_", DTYPES)
def test_nvrtc_compiles_them(type_: str) -> None:
    compile_to_cubin(cuda_source(module(type_)))


def test_whether_a_lane_is_there_has_no_text() -> None:
    with pytest.raises(UnsupportedError, match=r"gpu\.shuffle: `valid` has no CUDA text yet"):
        cuda_source(module("f32", valid=True))
