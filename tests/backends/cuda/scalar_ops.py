"""One kernel for every scalar op and type that has CUDA text: what the tests print, compile and run."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.arith import CMPF_COMPARISON_OPERATIONS, CMPI_COMPARISON_OPERATIONS
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.context import context
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
    *("addi", "subi", "muli", "divsi", "divui", "remsi", "remui", "floordivsi", "ceildivsi", "andi", "ori"),
    *("xori", "minsi", "maxsi", "minui", "maxui"),
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
    ("index_castui", "i32", "index"),
    ("bitcast", "f32", "i32"),
    ("bitcast", "i64", "f64"),
)


def cases() -> list[Case]:
    made = [Case(f"arith.{op} %a, %b : {t}", (t, t), t) for op in _INTEGER_OPS for t in _INTEGERS]
    made += [Case(f"arith.{op} %a, %b : {t}", (t, t), t) for op in _SHIFTS for t in ("i32", "i64")]
    made += [Case(f"math.ipowi %a, %b : {t}", (t, t), t) for t in ("i8", "i32", "i64")]
    made += [
        Case(f"arith.{op} %a, %b : i1", ("i1", "i1"), "i1")
        for op in ("addi", "subi", "muli", "andi", "ori", "xori")
    ]
    for t in (*_INTEGERS, "i1"):
        made += [Case(f"arith.cmpi {p}, %a, %b : {t}", (t, t), "i1") for p in CMPI_COMPARISON_OPERATIONS]
    for t in _FLOATS:
        made += [Case(f"arith.{op} %a, %b : {t}", (t, t), t) for op in _FLOAT_OPS]
        made += [Case(f"arith.cmpf {p}, %a, %b : {t}", (t, t), "i1") for p in CMPF_COMPARISON_OPERATIONS]
        made += [Case(f"math.{op} %a : {t}", (t,), t) for op in _UNARY]
        made += [Case(f"math.{op} %a, %b : {t}", (t, t), t) for op in ("atan2", "copysign", "powf")]
        made += [Case(f"math.fma %a, %b, %c : {t}", (t, t, t), t), Case(f"arith.negf %a : {t}", (t,), t)]
        made += [Case(f"math.{op} %a : {t}", (t,), "i1") for op in ("isnan", "isinf", "isfinite")]
    made += [Case(f"arith.{op} %a : {s} to {t}", (s,), t) for op, s, t in _CASTS]
    made += [
        Case("arith.select %a, %b, %c : f32", ("i1", "f32", "f32"), "f32"),
        Case("math.absi %a : i32", ("i32",), "i32"),
    ]
    return made


def memory(type_: str) -> str:
    """The type in memory, which has no i1 and no index."""
    return {"i1": "i8", "index": "i64"}.get(type_, type_)


def kernel(case: Case) -> str:
    """Element i of each operand's buffer to element i of the last one."""
    buffers = [*zip("xyz", case.operands, strict=False), ("out", case.result)]
    arguments = ", ".join(f"%{name} : memref<{LANES}x{memory(t)}>" for name, t in buffers)
    lines = [f"gpu.func @{case.name}({arguments}) kernel {{", "%i = gpu.thread_id x"]
    for name, operand, t in zip("abc", "xyz", case.operands, strict=False):
        load = f"memref.load %{operand}[%i] : memref<{LANES}x{memory(t)}>"
        casts = {
            "i1": f"arith.trunci %raw_{name} : i8 to i1",
            "index": f"arith.index_cast %raw_{name} : i64 to index",
        }
        lines += [f"%raw_{name} = {load}", f"%{name} = {casts[t]}"] if t in casts else [f"%{name} = {load}"]
    lines.append(f"%r = {case.op}")
    back = {"i1": "arith.extui %r : i1 to i8", "index": "arith.index_cast %r : index to i64"}
    if case.result in back:
        lines.append(f"%s = {back[case.result]}")
    value = "%s" if case.result in back else "%r"
    lines += [f"memref.store {value}, %out[%i] : memref<{LANES}x{memory(case.result)}>", "gpu.return }"]
    return "\n".join(lines)


def module(chosen: list[Case]) -> ModuleOp:
    kernels = "\n".join(kernel(case) for case in chosen)
    made = parse(
        context(),
        f"builtin.module attributes {{gpu.container_module}} {{ gpu.module @kernels {{ {kernels} }} }}",
    )
    made.module.verify()
    return made.module
