"""Bars of the machine code of kernels, which need no GPU: instructions, calls, wide accesses, registers."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import pytest

import pullback as pb
from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import compile_kernels
from pullback.backends.cuda_runtime.kernel_resources import Resources
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import lowered
from pullback.tests.compiled_kernels import ARCHITECTURES, has_nvrtc
from pullback.tests.static_bars.disassembly import MachineCode, disassemble, disassembler

missing = (not has_nvrtc() or disassembler() is None) and not os.environ.get("CI")
pytestmark = pytest.mark.skipif(missing, reason="no nvidia-cuda-nvrtc and nvidia-cuda-nvdisasm")

ONE_OF_BOTH = [ARCHITECTURES[0], *(pytest.param(a, marks=pytest.mark.slow) for a in ARCHITECTURES[1:])]
"""The second architecture, where the first tells nearly as much, is for `make test-all`."""

Shapes = list[tuple[int, ...]]
Built = tuple[list[pb.Tensor], list[pb.Tensor], Shapes]


def pointwise() -> Built:
    """Six operations and their gradients, of two operands: three results."""
    a, b = (pb.placeholder("f32", (1000, 37), name=name) for name in "ab")
    y = pb.tanh(a * b) + pb.exp(-a * a) * b
    return [a, b], [y, *pb.gradients(pb.sum(y), [a, b])], [(1000, 37)] * 2


def transpose() -> Built:
    x = pb.placeholder("f32", (65, 130), name="x")
    return [x], [pb.transpose(x) * 2], [(65, 130)]


def long_pointwise() -> Built:
    """Four elements of a thread."""
    x = pb.placeholder("f32", (1 << 12, 1 << 12), name="x")
    return [x], [pb.tanh(x) * x], [(1 << 12, 1 << 12)]


def step_text(build: Callable[[], Built], level: str) -> str:
    with pb.Graph():
        inputs, outputs, shapes = build()
        return pb.compile(inputs, outputs, target="simt").ir(level, shapes)


def compiled(source: str, architecture: str) -> dict[str, tuple[MachineCode, Resources]]:
    program = compile_kernels(source, architecture, verbose=True)
    code, resources = disassemble(program.cubin), program.resources
    assert code.keys() == resources.keys()
    return {name: (code[name], resources[name]) for name in code}


@cache
def kernel(build: Callable[[], Built], architecture: str) -> tuple[MachineCode, Resources]:
    """The only kernel of a step."""
    (found,) = compiled(step_text(build, "cuda"), architecture).values()
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("build", "size"),
    [(pointwise, 80), (transpose, 60), (long_pointwise, 84)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_instructions(build: Callable[[], Built], size: int, architecture: str) -> None:
    code, resources = kernel(build, architecture)
    assert code.size <= size
    assert code.calls == 0
    assert resources.registers <= 32
    assert resources.spill_bytes == resources.stack_bytes == 0


ACCESSES = """builtin.module attributes {gpu.container_module} { gpu.module @kernels {
  gpu.func @copy(%x: memref<1024xELEMENT>, %y: memref<1024xELEMENT>) kernel {
    %lanes = arith.constant LANES : index
    %thread = gpu.thread_id x
    %i = arith.muli %thread, %lanes : index
    %v = vector.load %x[%i] : memref<1024xELEMENT>, vector<LANESxELEMENT>
    %w = OP %v, %v : vector<LANESxELEMENT>
    vector.store %w, %y[%i] : memref<1024xELEMENT>, vector<LANESxELEMENT>
    gpu.return
  }
} }"""


@pytest.mark.parametrize("architecture", ONE_OF_BOTH)
@pytest.mark.parametrize(
    ("element", "lanes", "width"),
    [
        ("f32", 4, ".128"),
        ("f32", 2, ".64"),
        ("f64", 2, ".128"),
        ("i8", 16, ".128"),
        ("i8", 4, ""),
        ("i32", 4, ".128"),
    ],
)
def test_vectors_are_single_accesses(element: str, lanes: int, width: str, architecture: str) -> None:
    op = "arith.mulf" if element.startswith("f") else "arith.addi"
    text = ACCESSES.replace("ELEMENT", element).replace("LANES", str(lanes)).replace("OP", op)
    ((code, resources),) = compiled(cuda_source(parse(context(), text).module), architecture).values()
    assert code.count("LDG") == code.count(rf"LDG\.E{width}") == 1
    assert code.count("STG") == code.count(rf"STG\.E{width}") == 1
    assert resources.stack_bytes == 0


SCHEDULED = """func.func @main(%x: tensor<64x256xDTYPE>, %b: tensor<256xDTYPE>) -> tensor<64x256xDTYPE> {
  %0 = graph.kernel %x, %b schedule<kind = pointwise, parallel = [64, 256], gpu = {vector = LANES}>
      : (tensor<64x256xDTYPE>, tensor<256xDTYPE>) -> tensor<64x256xDTYPE> {
  ^bb0(%1: tensor<64x256xDTYPE>, %2: tensor<256xDTYPE>):
    %3 = graph.add %1, %2 : (tensor<64x256xDTYPE>, tensor<256xDTYPE>) -> tensor<64x256xDTYPE>
    %4 = graph.multiply %3, %3 : tensor<64x256xDTYPE>
    graph.yield %4 : tensor<64x256xDTYPE>
  }
  func.return %0 : tensor<64x256xDTYPE>
}"""


@pytest.mark.parametrize("architecture", ONE_OF_BOTH)
@pytest.mark.parametrize(
    ("dtype", "lanes", "width"), [("f32", 4, "128"), ("f32", 2, "64"), ("f64", 2, "128")]
)
def test_accesses_are_as_wide_as_the_schedule_says(
    dtype: str, lanes: int, width: str, architecture: str
) -> None:
    text = SCHEDULED.replace("DTYPE", dtype).replace("LANES", str(lanes))
    module = lowered(parse(context(), text).module, "plan-memory,gpu")
    ((code, resources),) = compiled(cuda_source(module), architecture).values()
    assert code.count("LDG") == code.count(rf"LDG\.E\.{width}") == 2
    assert code.count("STG") == code.count(rf"STG\.E\.{width}") == 1
    assert code.size <= 60 and code.calls == resources.stack_bytes == 0
