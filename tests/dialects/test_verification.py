"""Dominance, which xDSL leaves unchecked, across blocks and regions."""

from __future__ import annotations

import pytest
from xdsl.context import Context
from xdsl.dialects import cf, test

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.verification import VerificationError, verify


@pytest.fixture
def loaded() -> Context:
    result = context()
    result.load_dialect(cf.Cf)
    result.load_dialect(test.Test)
    return result


@pytest.mark.parametrize(
    "body",
    [
        "%y = arith.addi %x, %x : i32",
        # A region sees values defined before the op that holds it.
        "scf.if %c { %y = arith.addi %x, %x : i32 }",
        # A block sees the values of a block that dominates it.
        "%y = arith.addi %x, %x : i32\n cf.br ^a\n ^a:\n %z = arith.addi %y, %x : i32",
        # Order of blocks in the text says nothing.
        "cf.br ^b\n"
        " ^a:\n %z = arith.addi %y, %x : i32\n func.return\n ^b:\n %y = arith.addi %x, %x : i32\n cf.br ^a",
    ],
)
def test_defined_before_use(loaded: Context, body: str) -> None:
    ends = "" if body.endswith("cf.br ^a") else "func.return"
    verify(parse(loaded, f"func.func @f(%x: i32, %c: i1) {{\n{body}\n{ends}\n}}").module)


@pytest.mark.parametrize(
    "body",
    [
        "%z = arith.addi %y, %x : i32\n %y = arith.addi %x, %x : i32",
        # An op's own region does not see its results.
        '%y = "test.op"() ({ %z = arith.addi %y, %x : i32\n "test.termop"() : () -> () }) : () -> i32',
        # Only one of two paths defines the value.
        "cf.cond_br %c, ^a, ^b\n ^a:\n %y = arith.addi %x, %x : i32\n cf.br ^b\n"
        " ^b:\n %z = arith.addi %y, %x : i32",
    ],
)
def test_not_defined_on_every_path(loaded: Context, body: str) -> None:
    source = parse(loaded, f"func.func @f(%x: i32, %c: i1) {{\n{body}\nfunc.return\n}}")
    with pytest.raises(VerificationError, match="%y is used where it is not defined yet") as raised:
        verify(source.module)
    assert raised.value.op is not None
    assert raised.value.op.name == "arith.addi"


def test_a_function_sees_nothing_outside(loaded: Context) -> None:
    source = parse(loaded, '%y = "test.op"() : () -> i32\nfunc.func @f() -> i32 {\n func.return %y : i32\n}')
    with pytest.raises(VerificationError):
        verify(source.module)


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ('"func.func"() <{sym_name = "f"}> ({ }) : () -> ()', r"func\.func.*function_type"),
        ('"func.func"() <{function_type = () -> ()}> ({ }) : () -> ()', r"func\.func.*sym_name"),
        ('"func.call"() : () -> ()', r"func\.call.*callee"),
        ('"func.call"() <{callee = "f"}> : () -> ()', r"func\.call.*"),
        ('"func.call"() <{callee = unit}> : () -> ()', r"func\.call.*"),
        (
            '"func.call"() <{callee = @g}> : () -> () "func.func"() <{function_type = () -> ()}> ({ }) : () -> ()',
            r"func\.(call|func).*",
        ),
    ],
)
def test_generic_syntax_may_lack_properties(ops: str, message: str) -> None:
    text = f'"builtin.module"() ({{ {ops} }}) : () -> ()'
    with pytest.raises(VerificationError, match=message):
        verify(parse(context(), text).module)
