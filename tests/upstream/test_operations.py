# ruff: noqa: E501  one line is one operation
"""Every operation that we redeclare: both forms read back as they were, and upstream's tools accept them."""

from __future__ import annotations

from io import StringIO

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from pullback.dialects.context import context
from pullback.dialects.upstream import casts, comparisons, gather, math, memref, outer_product, scf, vector
from pullback.dialects.upstream.redeclared import TWINS
from pullback.tests import mlir_tools

SIGNATURE = ", ".join(
    (
        "%x: f32",
        "%i: i32",
        "%n: index",
        "%b: i1",
        "%v: vector<16xf32>",
        "%k: vector<16xi32>",
        "%m: vector<16xi1>",
        "%a: memref<64xf32>",
        "%t: memref<?x64xf32>",
    )
)

LINES = """
%r = arith.sitofp %i : i32 to f32
%r = arith.sitofp %k : vector<16xi32> to vector<16xf32>
%r = arith.uitofp %m : vector<16xi1> to vector<16xf32>
%r = arith.fptosi %v : vector<16xf32> to vector<16xi32>
%r = arith.fptoui %v : vector<16xf32> to vector<16xi8>
%r = arith.extsi %k : vector<16xi32> to vector<16xi64>
%r = arith.extui %m : vector<16xi1> to vector<16xi8>
%r = arith.trunci %k : vector<16xi32> to vector<16xi1>
%r = arith.trunci %i overflow<nsw> : i32 to i8
%r = arith.index_cast %k : vector<16xi32> to vector<16xindex>
%r = arith.index_castui %n : index to i64
%r = arith.remf %v, %v : vector<16xf32>
%r = arith.cmpi slt, %i, %i : i32
%r = arith.cmpi ule, %k, %k : vector<16xi32>
%r = arith.cmpi ne, %n, %n : index
%r = arith.cmpf olt, %v, %v : vector<16xf32>
%r = arith.cmpf uno, %x, %x fastmath<nsz> : f32
%r = arith.select %b, %v, %v : vector<16xf32>
%r = arith.select %m, %v, %v : vector<16xi1>, vector<16xf32>
%r = math.isnan %v : vector<16xf32>
%r = math.isnan %x {fastmath = #arith.fastmath<ninf>} : f32
%r = math.isinf %x : f32
%r = math.isfinite %x : f32
%r = math.erfc %v : vector<16xf32>
%r = math.clampf %x to [%x, %x] : f32
%r = vector.reduction <add>, %v : vector<16xf32> into f32
%r = vector.reduction <maximumf>, %v, %x : vector<16xf32> into f32
%r = vector.reduction <add>, %v, %x fastmath<reassoc> : vector<16xf32> into f32
%r = vector.step : vector<16xindex>
%r = vector.constant_mask [5] : vector<16xi1>
%r = vector.shape_cast %v : vector<16xf32> to vector<2x8xf32>
%r = vector.interleave %v, %v : vector<16xf32> -> vector<32xf32>
%r = vector.from_elements %x, %x, %x : vector<3xf32>
%r = vector.gather %t[%n, %n] [%k], %m, %v : memref<?x64xf32>, vector<16xi32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
vector.scatter %a[%n] [%k], %m, %v : memref<64xf32>, vector<16xi32>, vector<16xi1>, vector<16xf32>
memref.copy %a, %a : memref<64xf32> to memref<64xf32>
memref.prefetch %a[%n], read, locality<3>, data : memref<64xf32>
memref.prefetch %t[%n, %n], write, locality<0>, instr : memref<?x64xf32>
%w = vector.shape_cast %v : vector<16xf32> to vector<2x8xf32> %r = vector.transpose %w, [1, 0] : vector<2x8xf32> to vector<8x2xf32>
%c = vector.broadcast %x : f32 to vector<16x16xf32> %r = vector.outerproduct %v, %v, %c : vector<16xf32>, vector<16xf32>
scf.parallel (%p, %q) = (%n, %n) to (%n, %n) step (%n, %n) { scf.reduce }
%r = scf.parallel (%p) = (%n) to (%n) step (%n) init (%x) -> f32 { scf.reduce(%x : f32) { ^bb0(%c: f32, %d: f32): scf.reduce.return %c : f32 } }
""".strip().splitlines()

GLOBALS = """
memref.global "private" constant @w : memref<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]> {alignment = 64 : i64}
memref.global "private" @s : memref<4xf32, 3> = uninitialized
memref.global @e : memref<4xf32>
memref.global "public" @z : memref<1000xi64> = dense<0>
""".strip().splitlines()

MODULES = [f"func.func @f({SIGNATURE}) {{\n{line}\nfunc.return\n}}" for line in LINES] + GLOBALS
OURS = {
    operation
    for module in (casts, comparisons, gather, math, memref, outer_product, scf, vector)
    for operation in vars(module).values()
    if isinstance(operation, type) and operation.__module__ == module.__name__ and hasattr(operation, "name")
}


def parse(text: str) -> ModuleOp:
    module = Parser(context(), text).parse_module()
    module.verify()
    return module


def generic(module: ModuleOp) -> str:
    stream = StringIO()
    Printer(stream, print_generic_format=True).print_op(module)
    return stream.getvalue()


@pytest.mark.parametrize("text", MODULES)
def test_both_forms_read_back(text: str) -> None:
    module = parse(text)
    assert parse(mlir_tools.print_module(module)).is_structurally_equivalent(module)
    assert parse(generic(module)).is_structurally_equivalent(module)


@mlir_tools.needs_mlir_opt
def test_mlir_opt_accepts_both_forms() -> None:
    modules = [parse(text) for text in MODULES]
    split = "\n// -----\n"
    mlir_tools.accepts(split.join(map(mlir_tools.print_module, modules)), "--split-input-file")
    mlir_tools.accepts(split.join(map(generic, modules)), "--split-input-file")


def test_every_operation_is_shown_above() -> None:
    shown = {type(op) for text in MODULES for op in parse(text).walk()}
    assert {operation for operation in OURS if operation.__name__.endswith("Op")} <= shown


def test_ours_take_the_place_of_xdsls() -> None:
    for xdsl, ours in TWINS.items():
        assert xdsl.name == ours.name
        assert context().get_op(ours.name) is ours


BROKEN = {
    "C1: expected operand and result of the same shape": "%r = arith.sitofp %k : vector<16xi32> to vector<8xf32>",
    "C2: expected a cast from an integer to a float": "%r = arith.sitofp %v : vector<16xf32> to vector<16xf32>",
    "C3: expected a result wider": "%r = arith.extui %i : i32 to i8",
    "C3: expected a result narrower": "%r = arith.trunci %i : i32 to i64",
    "exactly one of the two types to be index": "%r = arith.index_cast %i : i32 to i64",
    "C1: expected a condition of type i1 or vector<16xi1>": (
        "%r = arith.select %c, %v, %v : vector<8xi1>, vector<16xf32>"
    ),
    "C1: expected 2 offsets": (
        "%r = vector.gather %t[%n] [%k], %m, %v : memref<?x64xf32>, vector<16xi32>, vector<16xi1>, "
        "vector<16xf32> into vector<16xf32>"
    ),
    "C3: expected mask of the shape": (
        "vector.scatter %a[%n] [%k], %c, %v : memref<64xf32>, vector<16xi32>, vector<8xi1>, vector<16xf32>"
    ),
    "C1: expected a vector of rank 1": "%r = vector.step : vector<4x4xindex>",
    "C2: expected bounds between 0": "%r = vector.constant_mask [17] : vector<16xi1>",
    "C2: expected the same number of elements": "%r = vector.shape_cast %v : vector<16xf32> to vector<8xf32>",
    "C1: expected a permutation": "%r = vector.transpose %v, [1] : vector<16xf32> to vector<16xf32>",
    "C1: expected the result type vector<32xf32>": (
        "%r = vector.interleave %v, %v : vector<16xf32> -> vector<16xf32>"
    ),
    "C1: expected one element type": (
        "%s = vector.broadcast %x : f32 to vector<16x16xf32> %r = vector.outerproduct %v, %k, %s : vector<16xf32>, vector<16xi32>"
    ),
    "C1: expected 4 operands": "%r = vector.from_elements %x, %x : vector<4xf32>",
    "C1: expected 1 indices": "memref.prefetch %a[%n, %n], read, locality<3>, data : memref<64xf32>",
    "C2: expected a locality from 0 to 3": "memref.prefetch %a[%n], read, locality<4>, data : memref<64xf32>",
    "C1: expected memrefs of the same shape": "memref.copy %a, %t : memref<64xf32> to memref<?x64xf32>",
}


@pytest.mark.parametrize("message", BROKEN)
def test_verifiers_name_the_broken_constraint(message: str) -> None:
    with pytest.raises(VerifyException, match=message):
        parse(f"func.func @f({SIGNATURE}, %c: vector<8xi1>) {{\n{BROKEN[message]}\nfunc.return\n}}")


def test_unknown_predicates_are_syntax_errors() -> None:
    with pytest.raises(ParseError, match="expected one of eq, ne, slt"):
        parse(f"func.func @f({SIGNATURE}) {{\n%r = arith.cmpi lt, %i, %i : i32\nfunc.return\n}}")
