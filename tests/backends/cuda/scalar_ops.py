"""One kernel for every scalar op and type that has CUDA text: what the tests print, compile and run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from xdsl.dialects.arith import CMPF_COMPARISON_OPERATIONS, CMPI_COMPARISON_OPERATIONS
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.index_bitwidth import INDEX_BITWIDTH
from pullback.dialects.ir.source import parse

LANES = 64


@dataclass(frozen=True)
class Case:
    """`op` is a line without its result, on operands %a, %b, %c of `operands`."""

    op: str
    operands: tuple[str, ...]
    result: str

    @property
    def name(self) -> str:
        words = self.op.replace("arith.", "").replace("math.", "").replace("%", "").split(" : ")[0]
        return "_".join(
            [*"".join(c if c.isalnum() else " " for c in words).split(), *self.operands, self.result]
        )


_INTEGERS = ("i8", "i32", "i64", "index")
_FLOATS = ("f32", "f64")
_INTEGER_OPS = (
    *("addi", "subi", "muli", "divsi", "divui", "remsi", "remui", "floordivsi", "ceildivsi", "ceildivui"),
    *("andi", "ori", "xori", "minsi", "maxsi", "minui", "maxui"),
)
_SHIFTS = ("shli", "shrsi", "shrui")
_FLOAT_OPS = ("addf", "subf", "mulf", "divf", "remf", "maximumf", "minimumf", "maxnumf", "minnumf")
_UNARY = (
    *(
        "absf",
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "cbrt",
        "ceil",
        "cos",
        "cosh",
        "erf",
        "erfc",
    ),
    *("exp", "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "round", "roundeven", "rsqrt", "sin"),
    *("sinh", "sqrt", "tan", "tanh", "trunc"),
)
_PREDICATES = ("isnan", "isinf", "isfinite")
_CASTS = (
    *(("extsi", s, t) for s, t in (("i1", "i32"), ("i8", "i32"), ("i32", "i64"))),
    *(("extui", s, t) for s, t in (("i1", "i8"), ("i8", "i32"), ("i32", "i64"))),
    *(("trunci", s, t) for s, t in (("i8", "i1"), ("i32", "i8"), ("i64", "i32"))),
    *(("sitofp", s, t) for s in ("i1", "i32", "i64") for t in _FLOATS),
    *(("uitofp", s, t) for s in ("i1", "i32") for t in _FLOATS),
    *(("fptosi", s, t) for s in _FLOATS for t in ("i32", "i64")),
    ("fptoui", "f64", "i32"),
    ("extf", "f32", "f64"),
    ("truncf", "f64", "f32"),
    ("index_cast", "i32", "index"),
    ("index_cast", "index", "i64"),
    *(("index_castui", s, "index") for s in ("i8", "i32", "i64")),
    ("index_castui", "index", "i64"),
    ("index_cast", "i8", "index"),
    ("index_cast", "index", "i32"),
    ("bitcast", "f32", "i32"),
    ("bitcast", "i64", "f64"),
)


def cases() -> list[Case]:
    made = [Case(f"arith.{op} %a, %b : {t}", (t, t), t) for op in _INTEGER_OPS for t in _INTEGERS]
    made += [Case(f"arith.{op} %a, %b : {t}", (t, t), t) for op in _SHIFTS for t in ("i8", "i32", "i64")]
    made += [Case(f"math.ipowi %a, %b : {t}", (t, t), t) for t in ("i8", "i32", "i64")]
    made += [
        Case(f"arith.{op} %a, %b : i1", ("i1", "i1"), "i1")
        for op in ("addi", "subi", "muli", "andi", "ori", "xori", "minsi", "maxsi", "minui", "maxui")
    ]
    for t in (*_INTEGERS, "i1"):
        made += [Case(f"arith.cmpi {p}, %a, %b : {t}", (t, t), "i1") for p in CMPI_COMPARISON_OPERATIONS]
    for t in _FLOATS:
        made += [Case(f"arith.{op} %a, %b : {t}", (t, t), t) for op in _FLOAT_OPS]
        made += [Case(f"arith.cmpf {p}, %a, %b : {t}", (t, t), "i1") for p in CMPF_COMPARISON_OPERATIONS]
        made += [Case(f"math.{op} %a : {t}", (t,), t) for op in _UNARY]
        made += [Case(f"math.{op} %a, %b : {t}", (t, t), t) for op in ("atan2", "copysign", "powf")]
        made += [Case(f"math.fpowi %a, %b : {t}, i32", (t, "i32"), t)]
        made += [Case(f"math.clampf %a to [%b, %c] : {t}", (t, t, t), t)]
        made += [Case(f"math.fma %a, %b, %c : {t}", (t, t, t), t), Case(f"arith.negf %a : {t}", (t,), t)]
        made += [Case(f"math.{op} %a : {t}", (t,), "i1") for op in _PREDICATES]
    made += [Case(f"arith.{op} %a : {s} to {t}", (s,), t) for op, s, t in _CASTS]
    made += [
        *(Case(f"arith.select %a, %b, %c : {t}", ("i1", t, t), t) for t in (*_FLOATS, *_INTEGERS)),
        *(Case(f"math.absi %a : {t}", (t,), t) for t in ("i8", "i32", "i64")),
    ]
    return made


def on_vectors() -> list[Case]:
    """The cases that vectors have, which are not of indices."""
    return [case for case in cases() if "index" not in case.name]


CONSTANTS = {
    "f32": ("-1.5", "0x7F800000"),
    "f64": ("2.5", "-1.0e+300"),
    "i1": ("1", "0"),
    "index": ("3", "7"),
}
"""Two constants of a type; of the integers, others."""


def memory(type_: str) -> str:
    """The type in memory, which has no i1 and no index."""
    return {"i1": "i8", "index": "i64"}.get(type_, type_)


def kernel(case: Case, lanes: int = 1, constants: bool = False) -> str:
    """Element i of each operand's buffer to element i of the last one. With `constants`, %b and %c are numbers."""
    buffers = [*zip("xyz", case.operands, strict=False), ("out", case.result)]
    arguments = ", ".join(f"%{name} : memref<{LANES}x{memory(t)}>" for name, t in buffers)
    lines = [f"gpu.func @{case.name}({arguments}) kernel {{", "%thread = gpu.thread_id x"]
    lines += [f"%lanes = arith.constant {lanes} : index", "%i = arith.muli %thread, %lanes : index"]
    for position, (name, operand, t) in enumerate(zip("abc", "xyz", case.operands, strict=False)):
        if constants and position:
            lines.append(f"%{name} = arith.constant {CONSTANTS.get(t, ('-3', '5'))[position - 1]} : {t}")
        else:
            lines += _loading(name, operand, t, lanes)
    lines += [f"%r = {_on_lanes(case.op, lanes)}", *_storing(case.result, lanes), "gpu.return }"]
    return "\n".join(lines)


def _loading(name: str, operand: str, type_: str, lanes: int) -> list[str]:
    """The ops that define a value by an element, or several, of an operand's buffer."""
    source = f"%{operand}[%i] : memref<{LANES}x{memory(type_)}>"
    kind = f", vector<{lanes}x{memory(type_)}>"
    load = f"memref.load {source}" if lanes == 1 else f"vector.load {source}{kind}"
    casts = {"i1": "arith.trunci %raw : i8 to i1", "index": "arith.index_cast %raw : i64 to index"}
    if type_ not in casts:
        return [f"%{name} = {load}"]
    return [
        f"%raw_{name} = {load}",
        f"%{name} = {_on_lanes(casts[type_], lanes)}".replace("%raw", f"%raw_{name}"),
    ]


def _storing(type_: str, lanes: int) -> list[str]:
    """The ops that store %r."""
    casts = {"i1": "arith.extui %r : i1 to i8", "index": "arith.index_cast %r : index to i64"}
    value = "%s" if type_ in casts else "%r"
    store = f"{value}, %out[%i] : memref<{LANES}x{memory(type_)}>"
    kind = f", vector<{lanes}x{memory(type_)}>"
    cast = [f"%s = {_on_lanes(casts[type_], lanes)}"] if type_ in casts else []
    return [*cast, f"memref.store {store}" if lanes == 1 else f"vector.store {store}{kind}"]


def _on_lanes(op: str, lanes: int) -> str:
    """The op on vectors of so many lanes."""
    if lanes == 1:
        return op
    before, colon, types = op.rpartition(" : ")
    types = re.sub(r"\b([fi]\d+)", rf"vector<{lanes}x\1>", types)
    condition = f"vector<{lanes}xi1>, " if "arith.select" in op else ""
    return f"{before}{colon}{condition}{types}"


def module(chosen: list[Case], lanes: int = 1, constants: bool = False) -> ModuleOp:
    """One kernel for each case."""
    kernels = "\n".join(kernel(case, lanes, constants) for case in chosen)
    made = parse(
        context(),
        f"builtin.module attributes {{gpu.container_module}} {{ gpu.module @kernels {{ {kernels} }} }}",
    )
    made.module.verify()
    return made.module


@cache
def plain() -> ModuleOp:
    """All cases on scalars, with indices of 64 bits."""
    return module(cases())


def with_index_bits(module: ModuleOp, bits: int) -> ModuleOp:
    """The same module, whose kernels have indices of so many bits."""
    for op in module.walk():
        if op.name == "gpu.func":
            op.attributes[INDEX_BITWIDTH] = IntegerAttr(bits, i64)
    return module
