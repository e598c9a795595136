"""What a target's printer cannot print is one message with its place: for each operation of its level, on each type."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.irdl import IRDLOperation, VariadicDef
from xdsl.utils.exceptions import DiagnosticException

from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.dialects.verification import verify
from pullback.driver.targets.registry import forms
from pullback.driver.targets.target import Text
from pullback.passes.pipeline.verify_level import verify_level
from pullback.tools import opt

DIALECTS = ("arith", "math", "vector", "memref", "gpu")
TYPES = ("f32", "bf16", "i1", "index", "vector<4xf32>", "memref<?xf32>")
FUNCTIONS = {
    "llvm-ir": "func.func @f({parameters}) {{\n  {op}\n  func.return\n}}\n",
    "cuda-cpp": "gpu.module @k {{\n  gpu.func @f({parameters}) kernel {{\n  {op}\n  gpu.return\n  }}\n}}\n",
}
Signature = tuple[tuple[str, ...], tuple[str, ...]]


def signatures() -> Iterator[Signature]:
    """Types of operands, and of results."""
    for a in TYPES:
        yield from (((a,) * count, (a,)) for count in (1, 2, 3))
        yield from [((a, a), ("i1",)), ((a, "index"), ("f32",))]
        yield from (((a,), (b,)) for b in TYPES if a != b)


def may_have(op: type[Operation], signature: Signature) -> bool:
    """Whether an operation has as many operands and results, as far as its definition says; to parse is slow."""
    assert issubclass(op, IRDLOperation)
    definition = op.get_irdl_definition()
    return all(
        any(isinstance(d, VariadicDef) for _, d in defined) or len(defined) == len(given)
        for defined, given in zip((definition.operands, definition.results), signature, strict=True)
    )


def program(function: str, name: str, signature: Signature) -> str:
    operands, results = signature
    values = [f"%a{i}" for i in range(len(operands))]
    text = f'"{name}"({", ".join(values)}) : ({", ".join(operands)}) -> ({", ".join(results)})'
    parameters = ", ".join(f"{value}: {type_}" for value, type_ in zip(values, operands, strict=True))
    return function.format(parameters=parameters, op=f"%r = {text}" if results else text)


@pytest.mark.matrix(3)
@pytest.mark.parametrize("form", FUNCTIONS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_operation_is_printed_or_refused_at_its_place(form: str, dialect: str) -> None:
    text, tried, without_place = forms()[form], 0, list[str]()
    ctx = context()
    for op in ctx.get_dialect(dialect).operations:
        for signature in filter(partial(may_have, op), signatures()):
            try:
                module = parse(ctx, program(FUNCTIONS[form], op.name, signature)).module
                verify(module)
                verify_level(module, text.level)
            except DiagnosticException:
                continue  # no such operation
            tried += 1
            if (error := error_of(text, module)) is not None and not isinstance(error.op, Operation):
                without_place.append(f"{op.name} {signature}: {error}")
    assert without_place == []
    assert tried or dialect == "gpu"


def error_of(text: Text, module: ModuleOp) -> DiagnosticError | None:
    """What the printer says, if it refuses the module; whatever else it raises fails the test."""
    try:
        text.printed(module)
    except DiagnosticError as error:
        return error
    return None


KERNEL = "gpu.module @k {{\n  gpu.func @f(%x: {type}) kernel {{\n    {op}\n    gpu.return\n  }}\n}}\n"
LOOPS = "func.func @f(%x: {type}, %i: index) {{\n  {op}\n  func.return\n}}\n"
GLOBAL = (
    'gpu.module @k {\n  "memref.global"() <{sym_name = "g", sym_visibility = "private", type = memref<4xf32>, '
    "initial_value}> : () -> ()\n}\n"
)
REFUSED = [
    ("cuda-cpp", 2, KERNEL.format(type="memref<4xcomplex<f32>>", op=""), "no CUDA type for complex<f32>"),
    (
        "cuda-cpp",
        3,
        KERNEL.format(type="i32", op="%y = arith.trunci %x : i32 to i4"),
        "no CUDA type for i4",
    ),
    (
        "cuda-cpp",
        3,
        KERNEL.format(type="f16", op="%y = arith.addf %x, %x : f16"),
        "arith.addf of f16 has no CUDA text: widen operands by arith.extf",
    ),
    (
        "cuda-cpp",
        3,
        KERNEL.format(type="bf16", op="%y = arith.bitcast %x : bf16 to i16"),
        "arith.bitcast of bf16 has no CUDA text",
    ),
    (
        "cuda-cpp",
        3,
        KERNEL.format(type="vector<4xf32>", op="%y = vector.reduction <add>, %x : vector<4xf32> into f32"),
        "no CUDA text",
    ),
    ("cuda-cpp", 2, GLOBAL, "a global needs its elements in the text"),
    (
        "llvm-ir",
        1,
        LOOPS.format(type="memref<4xi1>", op="%y = memref.load %x[%i] : memref<4xi1>"),
        "store it as i8",
    ),
    (
        "llvm-ir",
        1,
        LOOPS.format(type="tensor<4xf32>", op=""),
        "type tensor<4xf32> has no place at level 'loops'",
    ),
]


@pytest.mark.parametrize(("form", "line", "text", "message"), REFUSED)
def test_the_tool_says_where(
    form: str, line: int, text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(text)
    assert opt.main([str(path), "-t", form]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "internal error" not in printed.err
    assert printed.err.startswith(f"{path}:{line}:")
    assert printed.err.count("error: ") == 1
    assert message in printed.err
