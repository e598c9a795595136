"""What has no CUDA text is refused, by its name and with what is expected."""

from __future__ import annotations

import pytest

from pullback.backends.cuda.program_source import cuda_source
from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.ir.source import parse

REFUSED = {
    "index_bitwidth is 16 : i64; expected 32 : i64 or 64 : i64": ("graph.index_bitwidth = 16 : i64", "", ""),
    "the index 4294967296 needs more than the 32 bits": (
        "graph.index_bitwidth = 32 : i64",
        "",
        "%c = arith.constant 4294967296 : index",
    ),
    "memref<8xindex> holds indices of 64 bits, and the kernel's have 32": (
        "graph.index_bitwidth = 32 : i64",
        "%x: memref<8xindex>",
        "",
    ),
    "no CUDA type for vector<3xf32>: expected one dimension, of 1, 2, 4, 8, … lanes": (
        "",
        "%x: memref<8xf32>",
        "%v = vector.load %x[%i] : memref<8xf32>, vector<3xf32>",
    ),
    "no CUDA type for vector<2xindex>: expected lanes of numbers": (
        "",
        "",
        "%v = vector.broadcast %i : index to vector<2xindex>",
    ),
    "its elements are not side by side": (
        "",
        "%x: memref<8xf32, strided<[2]>>",
        "%v = vector.load %x[%i] : memref<8xf32, strided<[2]>>, vector<2xf32>",
    ),
    "has a stride that is not known": (
        "",
        "%x: memref<8xf32, strided<[?]>>",
        "%v = memref.load %x[%i] : memref<8xf32, strided<[?]>>",
    ),
    "no CUDA type for complex<f32>": ("", "%x: memref<8xcomplex<f32>>", ""),
    "vector.reduction has no CUDA text yet": (
        "",
        "%v: vector<4xf32>",
        "%s = vector.reduction <add>, %v : vector<4xf32> into f32",
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message: str) -> None:
    attributes, arguments, ops = REFUSED[message]
    text = f"""builtin.module attributes {{gpu.container_module}} {{ gpu.module @kernels {{
      gpu.func @k({arguments}) kernel attributes {{{attributes}}} {{
        %i = gpu.thread_id x
        {ops}
        gpu.return
      }}
    }} }}"""
    with pytest.raises(UnsupportedError) as error:
        cuda_source(parse(context(), text).module)
    assert message in str(error.value)


def test_memory_that_is_read_and_written_is_not_constant() -> None:
    text = """builtin.module attributes {gpu.container_module} { gpu.module @kernels {
      gpu.func @k(%x: memref<8xf32>, %y: memref<8xf32>, %z: memref<8xf32>) kernel {
        %i = gpu.thread_id x
        %v = memref.load %x[%i] : memref<8xf32>
        %w = vector.load %y[%i] : memref<8xf32>, vector<2xf32>
        %u = memref.load %z[%i] : memref<8xf32>
        memref.store %u, %x[%i] : memref<8xf32>
        vector.store %w, %y[%i] : memref<8xf32>, vector<2xf32>
        gpu.return
      }
    } }"""
    declared = "k_kernel(float* __restrict__ x, float* __restrict__ y, const float* __restrict__ z)"
    assert declared in cuda_source(parse(context(), text).module)
