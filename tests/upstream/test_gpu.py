"""Upstream MLIR accepts level `gpu` as we print it, in custom and in generic form, and we read it back.

It lowers the kernels to PTX, too: a second compiler, which takes what the ops mean from MLIR and not from our text.
"""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.printer import Printer

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.tests.backends.cuda import scalar_ops
from pullback.tests.gpu import programs
from pullback.tests.gpu.programs import Program
from pullback.tests.mlir_tools import accepts, needs_mlir_opt, print_module
from pullback.tests.upstream.gpu_programs import PROGRAMS, Built, gpu_text

TO_PTX = "--gpu-lower-to-nvvm-pipeline=cubin-chip=sm_90 cubin-features=+ptx80 cubin-format=isa"
NOT_LOWERED = ("arith.remf", "math.ipowi", "math.clampf")
"""Ops that `mlir-opt` 22 verifies, but for which its pipeline has no lowering."""
EMITTED = [programs.tanh_chain, programs.gather, programs.softmax, programs.moments]


def texts(module: ModuleOp) -> list[str]:
    """The module in custom and in generic form."""
    made: list[str] = []
    for generic in (False, True):
        stream = StringIO()
        Printer(stream, print_generic_format=generic).print_op(module)
        made.append(stream.getvalue())
    return made


def check(module: ModuleOp) -> None:
    """Upstream reads both forms, we read what it prints, and each kernel becomes a function of PTX."""
    for text in texts(module):
        again = parse(context(), accepts(text, "--mlir-print-op-generic"))
        again.module.verify()
    kernels = [op for op in module.walk() if op.name == "gpu.func"]
    assert accepts(print_module(module), TO_PTX).count(".visible .entry") == len(kernels) > 0


@needs_mlir_opt
@pytest.mark.parametrize("build", EMITTED, ids=lambda build: build.__name__)
def test_emitted_modules(build: Callable[[], Program]) -> None:
    check(build().module)


@needs_mlir_opt
@pytest.mark.parametrize("build", PROGRAMS, ids=lambda build: build.__name__)
def test_kernels_of_every_kind(build: Callable[[], Built]) -> None:
    check(parse(context(), gpu_text(build)).module)


@needs_mlir_opt
@pytest.mark.parametrize("lanes", [1, 4])
def test_every_scalar_op(lanes: int) -> None:
    cases = scalar_ops.cases() if lanes == 1 else scalar_ops.on_vectors()
    accepts(scalar_ops.module(cases, lanes))
    check(scalar_ops.module([case for case in cases if case.op.split()[0] not in NOT_LOWERED], lanes))


WORDS = {
    "vectors": "vector.load",
    "transposed": "gpu.barrier",
    "lines": "gpu.shuffle",
    "products": "memref.alloca",
    "rows_by_index": "memref.global",
    "loops": "gpu.memcpy",
}


@pytest.mark.parametrize(("name", "word"), WORDS.items())
def test_the_programs_hold_what_they_are_for(name: str, word: str) -> None:
    (build,) = (build for build in PROGRAMS if build.__name__ == name)
    assert word in gpu_text(build)
