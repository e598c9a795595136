"""Stock `xdsl-opt` and `mlir-opt` read what we print with locations, at all levels, and lose no name and no role."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.printer import Printer

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.location import Role, name_in, role_of
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.tests.levels.filecheck_programs import Program, RefusedError, Section, sections
from pullback.tests.mlir_tools import accepts, needs_mlir_opt
from pullback.tests.shell import run_shell

pytestmark = pytest.mark.filterwarnings(
    "ignore::pullback.passes.placement.device_warnings.DeviceWarning"
)  # some programs name devices, which the processor ignores
LEVELS = (
    "",
    "gradients",
    "gradients,finish",
    "gradients,finish,kernels",
    "gradients,finish,kernels,loops",
    "gradients,finish,kernels,gpu",
    "kernels,loops",
    "kernels,gpu",
)
NOT_READ = {
    "simplify/inline-calls-errors": "it calls what is no function",
    "simplify/inline-calls": "it calls from a region of an operation that upstream does not know, and looks no further",
}
"""Sections that `mlir-opt` refuses, and why."""
PROGRAMS = [section for section in sections() if "fused<" not in section.text]  # the author's own, not ours
MLIR_OPT = "--allow-unregistered-dialect --split-input-file --mlir-print-op-generic --mlir-print-debuginfo"

Said = list[tuple[str, str | None, Role | None]]
"""Of each operation its mnemonic, its name and its role."""


def levels_of(section: Section) -> list[ModuleOp]:
    """A program at each level that it reaches, each text once."""
    found: dict[str, ModuleOp] = {}
    for pipeline in LEVELS:
        with suppress(RefusedError):
            program = Program(section, pipeline)
            found.setdefault(program.printed, program.module)
    return list(found.values())


def said(module: ModuleOp) -> Said:
    return [(op.name, name_in(op.location), role_of(op)) for op in module.walk()]


def in_stock_xdsl(text: str) -> str:
    """What the parser and the printer of xDSL make of a text."""
    stream = StringIO()
    printer = Printer(stream, print_generic_format=True, print_debuginfo=True)
    printer.print_op(Parser(context(), text).parse_module())
    return stream.getvalue()


@pytest.mark.matrix(12)
@pytest.mark.parametrize("section", PROGRAMS, ids=lambda section: section.name)
def test_the_parser_of_xdsl(section: Section) -> None:
    for module in levels_of(section):
        for generic in (False, True):
            text = print_module(module, generic=generic)
            assert said(parse(context(), in_stock_xdsl(text)).module) == said(module)


@needs_mlir_opt
@pytest.mark.matrix(30)
@pytest.mark.parametrize("section", PROGRAMS, ids=lambda section: section.name)
def test_mlir_opt(section: Section) -> None:
    modules = [] if section.name in NOT_READ else levels_of(section)
    if not modules:
        return
    split = "\n// -----\n"
    texts = [print_module(module, generic=True) for module in modules]
    read = accepts(split.join(texts), *MLIR_OPT.split(), "--mlir-print-local-scope").split("// -----")
    for module, text in zip(modules, read, strict=True):
        assert said(parse(context(), text).module) == said(module)


PROGRAM = """
func.func @main(%a: tensor<2x3xf32>, %b: tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>) {
  %t = graph.tanh %a : tensor<2x3xf32> loc("layer/tanh")
  %y = graph.multiply %t, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32> loc("layer/scale")
  %da, %db = graph.gradients of (%y) wrt (%a, %b) : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>)
  func.return %da, %db : tensor<2x3xf32>, tensor<3xf32>
}
"""  # noqa: E501


def test_the_tools_in_a_pipe(tmp_path: Path) -> None:
    """`pullback-opt`, `xdsl-opt` and `pullback-opt` again: no name is lost on the way."""
    source, first = tmp_path / "source.mlir", tmp_path / "first.mlir"
    source.write_text(PROGRAM)
    assert 'loc(fused["gradients/results", "a gate"])' in output(f"pullback-opt {source} -p gradients")
    first.write_text(output(f"pullback-opt {source} -p gradients,finish"))
    assert 'loc(fused["gradients/layer/tanh_grad/", "gradient of layer/tanh"])' in first.read_text()
    pipe = f"xdsl-opt {first} --print-debuginfo --print-op-generic | pullback-opt"
    assert output(pipe) == first.read_text()


def output(line: str) -> str:
    out, err = BytesIO(), BytesIO()
    assert run_shell(line, out, err) == 0, err.getvalue()
    return out.getvalue().decode()


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ('fused["x", "gradient of layer/tanh"]', "gradient of layer/tanh"),
        ('fused["x", "sum of a of b"]', "sum of a of b"),
        ('fused["x", "a sum"]', "a sum"),
        ('fused["x", "sum"]', None),  # the name of a tensor
        ('fused["x", "sum of "]', None),
        ('fused["x", "product of y"]', None),
        ('fused["x"]', None),
        ('callsite(fused["x", "gradient of tanh"] at "layer")', "gradient of layer/tanh"),
        ('callsite(fused["x", "a sum"] at "layer")', "a sum"),
        ('fused["x"("layer.py":17:0), "zero of y"]', "zero of y"),
    ],
)
def test_roles_in_text(text: str, role: str | None) -> None:
    module = parse(context(), f"%0 = graph.constant dense<1> : tensor<2xi32> loc({text})").module
    (op,) = module.ops
    found = role_of(op)
    assert (None if found is None else str(found)) == role
    assert f"loc({text})" in print_module(module)


def test_the_locations_of_the_engine_are_those_of_their_text() -> None:
    module = Program(Section("", PROGRAM), "gradients").module
    again = parse(context(), print_module(module)).module
    assert [op.location for op in again.walk()] == [op.location for op in module.walk()]


@pytest.mark.parametrize("type_", ["f16", "bf16", "f32", "f64", "complex<f32>"])
def test_infinities_are_read_as_such(type_: str) -> None:
    """xDSL reads `dense<0x7F800000>`, as MLIR spells it, as a whole number."""
    size = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "complex<f32>": 8}[type_]
    words = {"f16": "007C", "bf16": "80FF", "f32": "000080FF", "f64": "000000000000F07F"}
    one = words.get(type_, "0000803F0000807F")
    for hexadecimal, shape in ((one, "4"), (one + "00" * size, "2")):
        text = f'%0 = graph.constant dense<"0x{hexadecimal}"> : tensor<{shape}x{type_}>'
        printed = print_module(parse(context(), text).module)
        assert print_module(Parser(context(), printed).parse_module()) == printed
        assert f'dense<"0x{hexadecimal}">' in printed
