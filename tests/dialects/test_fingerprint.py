"""Two states of a module are compared by what they say, not by the names of values."""

from __future__ import annotations

import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.fingerprint import equal_fingerprints, fingerprint
from pullback.dialects.ir.module_digest import ModuleDigest
from pullback.dialects.ir.source import parse

PROGRAM = """\
func.func @f(%x: i32, %y: i32) -> i32 {
  %a = arith.addi %x, %y : i32 loc("sum")
  %b = arith.constant -1 : i32
  %c = arith.constant 0.0 : f32
  %d = arith.constant dense<[0.0, 0x7FC00001]> : tensor<2xf32>
  %true = arith.constant true
  %i = scf.if %true -> (i32) {
    scf.yield %a : i32
  } else {
    scf.yield %b : i32
  }
  func.return %a : i32
}
"""


def same(first: str, second: str, *, locations: bool = True) -> bool:
    one, other = (fingerprint(parse(context(), text).module, locations=locations) for text in (first, second))
    return equal_fingerprints(one, other)


def digest(text: str) -> str:
    return ModuleDigest(parse(context(), text).module).hexadecimal


def test_names_and_objects_do_not_count() -> None:
    renamed = PROGRAM.replace("%a", "%0").replace("%b", "%zz").replace("%x", "%renamed").replace("%i ", "%7 ")
    assert same(PROGRAM, renamed)
    assert digest(PROGRAM) == digest(renamed)
    module = parse(context(), PROGRAM).module
    assert equal_fingerprints(fingerprint(module), fingerprint(module.clone()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("arith.addi %x, %y", "arith.addi %y, %x"),
        ("arith.addi %x, %y", "arith.muli %x, %y"),
        ("-1 : i32", "-2 : i32"),  # Python hashes both to the same number
        ("0.0 : f32", "-0.0 : f32"),
        ("dense<[0.0,", "dense<[-0.0,"),
        ("0x7FC00001", "0x7FC00002"),
        ("scf.yield %a", "scf.yield %b"),
        ("func.return %a", "func.return %i"),
        ("@f", "@g"),
        ('loc("sum")', 'loc("other")'),
        ("-> i32 {", "-> i32 attributes {a = 1 : i32} {"),
        ("  func.return", "  %k = arith.constant 3 : i32\n  func.return"),
    ],
)
def test_everything_else_does(old: str, new: str) -> None:
    assert not same(PROGRAM, PROGRAM.replace(old, new))
    assert (digest(PROGRAM) == digest(PROGRAM.replace(old, new))) is old.startswith("loc")


def test_locations_may_be_left_out() -> None:
    assert same(PROGRAM, PROGRAM.replace('loc("sum")', 'loc("other")'), locations=False)
