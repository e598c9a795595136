"""The table of scalar meanings, op by op, against values worked out by hand and Python's own functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import arith
from xdsl.ir import Operation

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.scalar_meanings import MEANINGS, meaning
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse

NAN, INF = math.nan, math.inf


def first_op(line: str, *types: str) -> Operation:
    """The op of `line`, whose operands are %0, %1, ... of these types."""
    arguments = ", ".join(f"%{i} : {t}" for i, t in enumerate(types))
    module = parse(context(), f"func.func @f({arguments}) {{ %r = {line}\n func.return }}").module
    module.verify()
    op = next(iter(next(iter(module.ops)).regions[0].block.ops))
    return op


def compute(line: str, *operands: tuple[str, object]) -> np.generic:
    op = first_op(line, *(t for t, _ in operands))
    values = [
        np.array(v).astype(dtype_of(x.type))[()] for (_, v), x in zip(operands, op.operands, strict=True)
    ]
    with np.errstate(all="ignore"):
        result = meaning(op)(*values)
        lanes = meaning(op)(*(np.array([v, v]) for v in values))
    assert result.dtype == dtype_of(op.results[0].type)
    assert lanes.dtype == result.dtype
    np.testing.assert_array_equal(lanes, np.broadcast_to(result, lanes.shape))
    return result


@pytest.mark.parametrize(
    ("name", "type_", "a", "b", "expected"),
    [
        ("addi", "i32", 2**31 - 1, 1, -(2**31)),
        ("addi", "i1", 1, 1, 0),
        ("subi", "i8", -128, 1, 127),
        ("subi", "i1", 0, 1, 1),
        ("muli", "i32", 65536, 65536, 0),
        ("divsi", "i32", -7, 2, -3),
        ("divsi", "i32", 7, -2, -3),
        ("divsi", "index", -8, 2, -4),
        ("floordivsi", "i32", -7, 2, -4),
        ("ceildivsi", "i32", -7, 2, -3),
        ("ceildivsi", "i32", 7, 2, 4),
        ("ceildivui", "index", 7, 2, 4),
        ("divui", "i8", -1, 2, 127),
        ("remsi", "i32", -7, 2, -1),
        ("remui", "i8", -1, 16, 15),
        ("minui", "i32", -1, 1, 1),
        ("maxui", "i32", -1, 1, -1),
        ("minsi", "i32", -1, 1, -1),
        ("maxsi", "i64", -1, 1, 1),
        ("andi", "i32", 12, 10, 8),
        ("ori", "i32", 12, 10, 14),
        ("xori", "i1", 1, 1, 0),
        ("shli", "i32", 1, 31, -(2**31)),
        ("shrsi", "i32", -8, 1, -4),
        ("shrui", "i32", -8, 1, 2**31 - 4),
    ],
)
def test_integers(name: str, type_: str, a: int, b: int, expected: int) -> None:
    assert int(compute(f"arith.{name} %0, %1 : {type_}", (type_, a), (type_, b))) == expected


@pytest.mark.parametrize(
    ("name", "a", "b", "expected"),
    [
        ("addf", 1.0, 2.0**-24, 1.0),
        ("divf", 1.0, 0.0, INF),
        ("remf", -7.5, 2.0, -1.5),
        ("maximumf", NAN, 1.0, NAN),
        ("maximumf", 1.0, NAN, NAN),
        ("minimumf", NAN, 1.0, NAN),
        ("maxnumf", NAN, 1.0, 1.0),
        ("minnumf", 1.0, NAN, 1.0),
    ],
)
def test_floats(name: str, a: float, b: float, expected: float) -> None:
    np.testing.assert_equal(float(compute(f"arith.{name} %0, %1 : f32", ("f32", a), ("f32", b))), expected)


PAIRS = [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (NAN, 1.0), (1.0, NAN), (NAN, NAN)]


@pytest.mark.parametrize("predicate", arith.CMPF_COMPARISON_OPERATIONS)
def test_cmpf(predicate: str) -> None:
    relations = {"eq": "==", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "ne": "!="}
    for a, b in PAIRS:
        unordered = math.isnan(a) or math.isnan(b)
        if predicate in ("false", "true", "ord", "uno"):
            expected = {"false": False, "true": True, "ord": not unordered, "uno": unordered}[predicate]
        elif unordered:
            expected = predicate.startswith("u")
        else:
            expected = eval(f"{a} {relations[predicate[1:]]} {b}")
        got = compute(f"arith.cmpf {predicate}, %0, %1 : f32", ("f32", a), ("f32", b))
        assert bool(got) == expected, (predicate, a, b)


@pytest.mark.parametrize(
    ("predicate", "type_", "a", "b", "expected"),
    [
        ("eq", "i32", 1, 1, True),
        ("ne", "i32", 1, 1, False),
        ("slt", "i32", -1, 1, True),
        ("ult", "i32", -1, 1, False),
        ("sge", "i32", -1, -1, True),
        ("uge", "index", -1, 1, True),
        ("sgt", "i1", 1, 0, False),
        ("ugt", "i1", 1, 0, True),
        ("sle", "i64", -1, 1, True),
        ("ule", "i8", -1, 1, False),
    ],
)
def test_cmpi(predicate: str, type_: str, a: int, b: int, expected: bool) -> None:
    assert bool(compute(f"arith.cmpi {predicate}, %0, %1 : {type_}", (type_, a), (type_, b))) == expected


@pytest.mark.parametrize(
    ("name", "source", "target", "value", "expected"),
    [
        ("extsi", "i1", "i32", 1, -1),
        ("extui", "i1", "i32", 1, 1),
        ("extsi", "i8", "i32", -1, -1),
        ("extui", "i8", "i32", -1, 255),
        ("trunci", "i32", "i8", 257, 1),
        ("trunci", "i8", "i1", 2, 0),
        ("trunci", "i8", "i1", 3, 1),
        ("sitofp", "i32", "f32", -3, -3.0),
        ("sitofp", "i1", "f32", 1, -1.0),
        ("uitofp", "i1", "f64", 1, 1.0),
        ("uitofp", "i32", "f64", -1, 2.0**32 - 1),
        ("fptosi", "f32", "i32", -2.75, -2),
        ("fptoui", "f32", "i8", 200.5, -56),
        ("extf", "f32", "f64", 0.1, float(np.float32(0.1))),
        ("truncf", "f64", "f32", 0.1, float(np.float32(0.1))),
        ("index_cast", "i32", "index", -1, -1),
        ("index_castui", "i32", "index", -1, 2**32 - 1),
        ("bitcast", "f32", "i32", 1.0, 0x3F800000),
    ],
)
def test_casts(name: str, source: str, target: str, value: float, expected: float) -> None:
    assert compute(f"arith.{name} %0 : {source} to {target}", (source, value)).item() == expected


UNARY = {
    "absf": abs,
    "acos": math.acos,
    "asin": math.asin,
    "asinh": math.asinh,
    "atan": math.atan,
    "atanh": math.atanh,
    "cbrt": lambda x: x ** (1 / 3),
    "ceil": math.ceil,
    "cos": math.cos,
    "cosh": math.cosh,
    "erf": math.erf,
    "exp": math.exp,
    "exp2": lambda x: 2.0**x,
    "expm1": math.expm1,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log1p": math.log1p,
    "log2": math.log2,
    "round": round,
    "roundeven": round,
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "sin": math.sin,
    "sinh": math.sinh,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "tanh": math.tanh,
    "trunc": math.trunc,
}


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("type_", ["f32", "f64"])
def test_math(name: str, type_: str) -> None:
    got = compute(f"math.{name} %0 : {type_}", (type_, 0.625))
    assert float(got) == pytest.approx(UNARY[name](0.625), rel=3e-7 if type_ == "f32" else 1e-15)


@pytest.mark.parametrize(("value", "away", "even"), [(0.5, 1, 0), (-0.5, -1, 0), (1.5, 2, 2), (-2.5, -3, -2)])
def test_rounding_of_halves(value: float, away: float, even: float) -> None:
    assert compute("math.round %0 : f32", ("f32", value)) == away
    assert compute("math.roundeven %0 : f32", ("f32", value)) == even
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert compute("math.round %0 : f32", ("f32", below)) == 0


def test_fma_rounds_once() -> None:
    a = ("f32", 1 + 2**-12)
    assert compute("math.fma %0, %1, %2 : f32", a, a, ("f32", -(1 + 2**-11))) == 2**-24


def test_constants() -> None:
    def constant(text: str) -> Any:
        return meaning(first_op(f"arith.constant {text}"))()

    assert constant("true") is np.True_ or constant("true") == np.True_
    assert constant("-1 : i32").dtype == np.int32
    assert constant("7 : index").dtype == np.int64
    assert constant("0x7FC00000 : f32").dtype == np.float32
    np.testing.assert_array_equal(constant("dense<[1, 2]> : vector<2xi64>"), np.array([1, 2]))
    np.testing.assert_array_equal(constant("dense<0.5> : vector<3xf32>"), np.full(3, 0.5, np.float32))
    np.testing.assert_array_equal(constant("dense<[true, false]> : vector<2xi1>"), np.array([True, False]))


def test_every_scalar_op_of_arith_and_math_has_a_meaning() -> None:
    """The table is complete but for a few that no pass makes."""
    left_out = {
        "arith.addui_extended",
        "arith.mului_extended",
        "arith.mulsi_extended",
        "math.ctlz",
        "math.cttz",
        "math.ctpop",
        "math.sincos",
    }
    names = {
        op.name
        for dialect in context().loaded_dialects
        if dialect.name in ("arith", "math")
        for op in dialect.operations
    }
    assert names - set(MEANINGS) == left_out & names
