"""An embedded language for the bodies of math functions: values with operators that write LLVM IR.

A body is written once and instantiated for a scalar or for vectors of any length. No fast-math flag is used
and every fused multiply-add is explicit, so a lane gets the same bits at every width and on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import Float32Type, Float64Type, IntegerType, VectorType, f32, f64, i1, i32, i64
from xdsl.ir import Attribute

from pullback.backends.cpu.llvm_types import element_type, length, scalar_literal, spell, splat, suffix

RARE = "noinline cold nounwind memory(none)"
"""The attributes of a function that is called where a branch is rarely taken."""


def result_type(types: Sequence[Attribute]) -> str:
    """What a function with results of these types returns: the one, or a struct of several."""
    spelled = [spell(type) for type in types]
    return spelled[0] if len(spelled) == 1 else f"{{ {', '.join(spelled)} }}"


@dataclass
class FunctionBody:
    """The instructions of one function, and the intrinsics that they call."""

    type: Attribute
    """A float or an integer type, or a vector of them: what the function takes and returns."""
    lines: list[str] = field(default_factory=list[str])
    declarations: set[str] = field(default_factory=set[str])
    functions: list[str] = field(default_factory=list[str])
    """The definitions of functions that it alone calls."""
    _values: int = 0
    _block: str = "entry"

    def like(self, element: Attribute) -> Attribute:
        """`element`, or a vector of it as long as the function's."""
        return VectorType(element, self.type.shape) if isinstance(self.type, VectorType) else element

    def emit(self, type: Attribute, right_side: str) -> LLVMValue:
        """Appends an instruction."""
        name = f"%{self._values}"
        self._values += 1
        self.lines.append(f"  {name} = {right_side}")
        return LLVMValue(self, name, type)

    def rarely(
        self,
        condition: LLVMValue,
        name: str,
        compute: RareFunction,
        x: LLVMValue,
        values: Sequence[LLVMValue],
    ) -> list[LLVMValue]:
        """Branches: `compute(x, values)` if the condition holds in any lane, else `values`.

        It is computed in a function of its own, `@pb.<name>.<type>`: a call that is `cold` costs those who do not make
        it neither registers nor much code.
        """
        any_lane = condition.text
        if isinstance(condition.type, VectorType):
            bits = IntegerType(length(condition.type) or 0)
            word = self.emit(bits, f"bitcast {spell(condition.type)} {condition.text} to {spell(bits)}")
            any_lane = word.compare("ne", 0).text
        rare, common, before = f"rare{self._values}", f"common{self._values}", self._block
        self.lines += [f"  br i1 {any_lane}, label %{rare}, label %{common}", f"{rare}:"]
        self._block = rare
        computed = self._call_rare(name, compute, [x, *values])
        self.lines += [f"  br label %{common}", f"{common}:"]
        self._block = common
        return [
            self.emit(v.type, f"phi {spell(v.type)} [ {c.text}, %{rare} ], [ {v.text}, %{before} ]")
            for c, v in zip(computed, values, strict=True)
        ]

    def _call_rare(self, name: str, compute: RareFunction, arguments: Sequence[LLVMValue]) -> list[LLVMValue]:
        """Calls the function `compute` of these values, and defines it beside this one."""
        body = FunctionBody(self.type)
        names = [f"%a{at}" for at in range(len(arguments))]
        inner = [LLVMValue(body, n, a.type) for n, a in zip(names, arguments, strict=True)]
        results = compute(inner[0], inner[1:])
        function = f"@pb.{name}.{suffix(self.type)}"
        self.functions.append(body.definition(function, inner, results, RARE))
        self.declarations |= body.declarations
        typed = ", ".join(f"{spell(a.type)} {a.text}" for a in arguments)
        return self.emit_several([r.type for r in results], f"{function}({typed})")

    def emit_several(self, types: Sequence[Attribute], callee: str) -> list[LLVMValue]:
        """Appends a call of a function that returns values of these types: several in a struct."""
        spelled = result_type(types)
        if len(types) == 1:
            return [self.emit(types[0], f"call {spelled} {callee}")]
        struct = self.emit(types[0], f"call {spelled} {callee}").text
        return [self.emit(type, f"extractvalue {spelled} {struct}, {at}") for at, type in enumerate(types)]

    def definition(
        self,
        name: str,
        parameters: Sequence[LLVMValue],
        results: Sequence[LLVMValue],
        attributes: str,
    ) -> str:
        """The text of the function whose instructions these are; several results are returned in a struct."""
        typed = ", ".join(f"{spell(x.type)} {x.text}" for x in parameters)
        spelled = result_type([r.type for r in results])
        value = results[0].text
        if len(results) > 1:
            value = "poison"
            for at, result in enumerate(results):
                typed_result = f"{spell(result.type)} {result.text}"
                text = f"insertvalue {spelled} {value}, {typed_result}, {at}"
                value = self.emit(result.type, text).text
        head = f"define internal {spelled} {name}({typed}) {attributes} {{"
        return "\n".join([head, "entry:", *self.lines, f"  ret {spelled} {value}", "}", *self.functions])

    def constant(self, value: float | int, type: Attribute) -> LLVMValue:
        """A constant in every lane."""
        text = scalar_literal(value, element_type(type))
        return LLVMValue(self, splat(text, type) if isinstance(type, VectorType) else text, type)

    def by_lane(self, function: str, *arguments: LLVMValue) -> LLVMValue:
        """A call of a function of the C library for each lane; its name for f32 ends in `f`."""
        scalar = element_type(self.type)
        spelled, name = spell(scalar), f"@{function}{'f' if isinstance(scalar, Float32Type) else ''}"
        self.declarations.add(f"declare {spelled} {name}({', '.join([spelled] * len(arguments))})")

        def call(*values: str) -> str:
            return f"call {spelled} {name}({', '.join(f'{spelled} {v}' for v in values)})"

        if not isinstance(self.type, VectorType):
            return self.emit(scalar, call(*(a.text for a in arguments)))
        vector, result = spell(self.type), LLVMValue(self, "poison", self.type)
        for lane in range(length(self.type) or 0):
            picked = [self.emit(scalar, f"extractelement {vector} {a.text}, i32 {lane}") for a in arguments]
            value = self.emit(scalar, call(*(p.text for p in picked)))
            result = self.emit(
                self.type, f"insertelement {vector} {result.text}, {spelled} {value.text}, i32 {lane}"
            )
        return result

    def call(self, intrinsic: str, *arguments: LLVMValue) -> LLVMValue:
        """A call of `@llvm.<intrinsic>`, whose arguments and result have one type."""
        type = arguments[0].type
        spelled, name = spell(type), f"@llvm.{intrinsic}.{suffix(type)}"
        self.declarations.add(f"declare {spelled} {name}({', '.join([spelled] * len(arguments))})")
        return self.emit(
            type, f"call {spelled} {name}({', '.join(f'{spelled} {a.text}' for a in arguments)})"
        )


@dataclass(frozen=True)
class Format:
    """An IEEE 754 format: its type, its integer type, the bits of its fraction, and the bias of its exponent."""

    floats: Attribute
    bits: IntegerType
    fraction: int
    bias: int
    smallest_normal: float

    @property
    def rounder(self) -> float:
        """1.5 * 2^fraction: adding it to a small x leaves x, rounded to an integer, in the low bits."""
        return 1.5 * 2.0**self.fraction


F32 = Format(f32, i32, 23, 127, float(np.finfo(np.float32).smallest_normal))
F64 = Format(f64, i64, 52, 1023, float(np.finfo(np.float64).smallest_normal))


@dataclass(frozen=True, eq=False)
class LLVMValue:
    """A float, integer or boolean value, or a vector of them; numbers among operands become constants."""

    body: FunctionBody
    text: str
    type: Attribute

    def lift(self, other: LLVMValue | float) -> LLVMValue:
        """A number as a constant of this value's type."""
        return other if isinstance(other, LLVMValue) else self.body.constant(other, self.type)

    @property
    def format(self) -> Format:
        """The IEEE 754 format of these floats, or that whose bits these integers hold."""
        return F64 if element_type(self.type) in (f64, i64) else F32

    @property
    def is_float(self) -> bool:
        """Whether the lanes are floats."""
        return isinstance(element_type(self.type), Float32Type | Float64Type)

    def binary(self, words: tuple[str, str], other: LLVMValue | float, flipped: bool = False) -> LLVMValue:
        """`self word other`; `words` are the instructions on floats and on integers."""
        a, b = (self.lift(other), self) if flipped else (self, self.lift(other))
        return self.body.emit(self.type, f"{words[not self.is_float]} {spell(self.type)} {a.text}, {b.text}")

    def __add__(self, other: LLVMValue | float) -> LLVMValue:
        return self.binary(("fadd", "add"), other)

    def __sub__(self, other: LLVMValue | float) -> LLVMValue:
        return self.binary(("fsub", "sub"), other)

    def __rsub__(self, other: LLVMValue | float) -> LLVMValue:
        return self.binary(("fsub", "sub"), other, flipped=True)

    def __mul__(self, other: LLVMValue | float) -> LLVMValue:
        return self.binary(("fmul", "mul"), other)

    def __truediv__(self, other: LLVMValue | float) -> LLVMValue:
        return self.binary(("fdiv", "sdiv"), other)

    def __rtruediv__(self, other: LLVMValue | float) -> LLVMValue:
        return self.binary(("fdiv", "sdiv"), other, flipped=True)

    def __neg__(self) -> LLVMValue:
        return self.body.emit(self.type, f"fneg {spell(self.type)} {self.text}")

    def __lshift__(self, other: int) -> LLVMValue:
        return self.binary(("", "shl"), other)

    def __rshift__(self, other: int) -> LLVMValue:
        return self.binary(("", "ashr"), other)

    def __and__(self, other: LLVMValue | int) -> LLVMValue:
        return self.binary(("", "and"), other)

    def __or__(self, other: LLVMValue) -> LLVMValue:
        return self.binary(("", "or"), other)

    def __xor__(self, other: LLVMValue) -> LLVMValue:
        return self.binary(("", "xor"), other)

    __radd__ = __add__
    __rmul__ = __mul__

    def compare(self, predicate: str, other: LLVMValue | float) -> LLVMValue:
        """A boolean for each lane."""
        word = "fcmp" if self.is_float else "icmp"
        text = f"{word} {predicate} {spell(self.type)} {self.text}, {self.lift(other).text}"
        return self.body.emit(self.body.like(i1), text)

    def __lt__(self, other: LLVMValue | float) -> LLVMValue:
        return self.compare("olt" if self.is_float else "slt", other)

    def __gt__(self, other: LLVMValue | float) -> LLVMValue:
        return self.compare("ogt" if self.is_float else "sgt", other)

    def equals(self, other: LLVMValue | float) -> LLVMValue:
        """Tells whether both are equal; false for NaN."""
        return self.compare("oeq" if self.is_float else "eq", other)

    def is_nan(self) -> LLVMValue:
        """Tells whether the lane is not a number."""
        return self.compare("uno", self)

    def bits(self) -> LLVMValue:
        """A float's bits as an integer."""
        return self.reinterpret(self.format.bits)

    def as_float(self) -> LLVMValue:
        """An integer's bits as a float."""
        return self.reinterpret(self.format.floats)

    def reinterpret(self, element: Attribute) -> LLVMValue:
        """The same bits under another element type."""
        type = self.body.like(element)
        return self.body.emit(type, f"bitcast {spell(self.type)} {self.text} to {spell(type)}")

    def to_float(self) -> LLVMValue:
        """A signed integer's value as a float."""
        return self.converted("sitofp", self.format.floats)

    def widened(self) -> LLVMValue:
        """An f32 as an f64."""
        return self.converted("fpext", f64)

    def narrowed(self) -> LLVMValue:
        """An f64 rounded to f32."""
        return self.converted("fptrunc", f32)

    def converted(self, word: str, element: Attribute) -> LLVMValue:
        """The same number in another element type."""
        type = self.body.like(element)
        return self.body.emit(type, f"{word} {spell(self.type)} {self.text} to {spell(type)}")

    def whole(self) -> LLVMValue:
        """A float without its fraction."""
        return self.body.call("trunc", self)

    def absolute(self) -> LLVMValue:
        """The magnitude of a float."""
        return self.body.call("fabs", self)

    def square_root(self) -> LLVMValue:
        """The square root, correctly rounded; NaN below 0."""
        return self.body.call("sqrt", self)

    def with_sign_of(self, other: LLVMValue) -> LLVMValue:
        """The magnitude of this float under the sign of another."""
        return self.body.call("copysign", self, other)

    def at_most(self, bound: float) -> LLVMValue:
        """min(self, bound); NaN stays NaN."""
        return select(self > bound, self.lift(bound), self)

    def at_least(self, bound: float) -> LLVMValue:
        """max(self, bound); NaN stays NaN."""
        return select(self < bound, self.lift(bound), self)


RareFunction: TypeAlias = Callable[[LLVMValue, Sequence[LLVMValue]], Sequence[LLVMValue]]
"""Computes from an argument, and the values that would be right if the case were not rare, the right ones."""


def select(condition: LLVMValue, then: LLVMValue | float, otherwise: LLVMValue | float) -> LLVMValue:
    """`then` where the condition holds, `otherwise` elsewhere; one of them may be a number."""
    model = then if isinstance(then, LLVMValue) else otherwise
    assert isinstance(model, LLVMValue)
    arms = [model.lift(arm) for arm in (then, otherwise)]
    typed = ", ".join(f"{spell(arm.type)} {arm.text}" for arm in (condition, *arms))
    return model.body.emit(model.type, f"select {typed}")


def fma(a: LLVMValue, b: LLVMValue | float, c: LLVMValue | float) -> LLVMValue:
    """a * b + c, rounded once."""
    return a.body.call("fma", a, a.lift(b), a.lift(c))


def polynomial(x: LLVMValue, coefficients: Sequence[float]) -> LLVMValue:
    """Horner's rule, highest power first."""
    first, *rest = coefficients
    result = x.lift(first)
    for coefficient in rest:
        result = fma(x, result, coefficient)
    return result
