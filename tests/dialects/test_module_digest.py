"""The digest of a module tells apart what text does, and what is equal in Python alone."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations

from xdsl.dialects import test
from xdsl.dialects.builtin import (
    ArrayAttr,
    BoolAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    FloatAttr,
    IntAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    Signedness,
    StringAttr,
    SymbolRefAttr,
    TensorType,
    UnitAttr,
    f32,
    f64,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Region

from pullback.dialects.context import context
from pullback.dialects.ir.module_digest import ModuleDigest
from pullback.dialects.ir.source import parse

DIFFERENT: list[Attribute] = [
    *(IntegerAttr(1, type_) for type_ in (i1, i32, i64, IntegerType(32, Signedness.UNSIGNED))),
    *(FloatAttr(value, f32) for value in (0.0, -0.0, 1.0, float("inf"))),
    *(FloatAttr(value, f64) for value in (1.0, float("nan"))),
    IntAttr(1),
    UnitAttr(),
    *(StringAttr(text) for text in ("", "1", "a", "b", "ab", "\udc80")),
    SymbolRefAttr("a"),
    *(ArrayAttr(map(StringAttr, parts)) for parts in ([], [""], ["a", "b"], ["ab"], ["a", "", "b"])),
    ArrayAttr([ArrayAttr([StringAttr("a")]), StringAttr("b")]),
    ArrayAttr([ArrayAttr([StringAttr("a"), StringAttr("b")])]),
    DictionaryAttr({"a": StringAttr("b")}),
    DictionaryAttr({"b": StringAttr("a")}),
    DenseArrayBase.from_list(i64, [1, 2]),
    DenseArrayBase.from_list(i32, [1, 0, 2, 0]),
    *(DenseIntOrFPElementsAttr.from_list(TensorType(i32, shape), [1, 2]) for shape in ([2], [1, 2], [2, 1])),
    DenseIntOrFPElementsAttr.from_list(TensorType(f32, [2]), [0.0, 0.0]),
    DenseIntOrFPElementsAttr.from_list(TensorType(f32, [2]), [0.0, -0.0]),
    DenseIntOrFPElementsAttr.from_list(TensorType(i32, [2]), [0, 0]),
]


def of_attribute(attribute: Attribute) -> str:
    return ModuleDigest(ModuleOp([test.TestOp(attributes={"a": attribute})])).hexadecimal


def test_attributes_that_differ_have_other_digests() -> None:
    digests = [of_attribute(attribute) for attribute in DIFFERENT]
    for (one, first), (other, second) in combinations(zip(DIFFERENT, digests, strict=True), 2):
        assert first != second, (one, other)
    assert of_attribute(BoolAttr.from_bool(True)) == of_attribute(IntegerAttr(1, i1))


def test_the_order_of_names_does_not_count() -> None:
    one, other = UnitAttr(), StringAttr("b")
    forwards, backwards = ({"one": one, "other": other}, {"other": other, "one": one})
    assert of_attribute(DictionaryAttr(forwards)) == of_attribute(DictionaryAttr(backwards))
    digests = {ModuleDigest(test.TestOp(attributes=a)).hexadecimal for a in (forwards, backwards)}
    digests |= {ModuleDigest(test.TestOp(properties=p)).hexadecimal for p in (forwards, backwards)}
    assert len(digests) == 2


def test_structure_counts() -> None:
    def nested(*blocks: int) -> test.TestOp:
        """An operation with regions: each number is a block of so many operations, and 0 begins a region."""
        regions: list[Region] = []
        for count in blocks:
            if count == 0:
                regions.append(Region())
            else:
                regions[-1].add_block(Block([test.TestOp() for _ in range(count)]))
        return test.TestOp(regions=regions)

    shapes = [(), (0,), (0, 0), (0, 1), (0, 2), (0, 1, 1), (0, 1, 0, 1), (0, 0, 1), (0, 1, 0)]
    assert len({ModuleDigest(nested(*shape)).hexadecimal for shape in shapes}) == len(shapes)


def test_names_that_are_given_count() -> None:
    names = [(), ("",), (None,), ("a",), ("a", "b"), ("ab",), ("b", "a")]
    assert len({ModuleDigest(ModuleOp([]), given).hexadecimal for given in names}) == len(names)


PROGRAM = """\
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = graph.add %x, %c : tensor<2xf32>
  func.return %y : tensor<2xf32>
}
"""
PRINT = "import sys; from pullback.tests.dialects.test_module_digest import *; print(of_program())"


def of_program() -> str:
    return ModuleDigest(parse(context(), PROGRAM).module, ["x"]).hexadecimal


def test_another_process_finds_the_same() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    found = subprocess.run(
        [sys.executable, "-c", PRINT], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == of_program()
