"""Prints `scf.parallel`: as nested loops, or, where it is work enough for several threads, as a call of the pool.

The body of one that the pool runs becomes a function of its own over a part of the iterations. What it uses of the
function around it lies on that function's stack:

    define internal void @kernel.parallel(ptr %captured, i64 %from, i64 %to)       ; what the threads call
    define internal void @kernel.body(ptr noalias %x, …, i64 %from, i64 %to)       ; the loop over these iterations

The first only loads that. The second has the pointers as arguments, where LLVM believes that they do not alias.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Operation, OpResult, SSAValue

from pullback.backends.cpu.llvm.costs import trips
from pullback.backends.cpu.llvm.function_printer import (
    ATTRIBUTES,
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
)
from pullback.backends.cpu.llvm.print_control_flow import loop
from pullback.backends.cpu.llvm_types import alignment, length, spell
from pullback.backends.cpu.symbols import RUN
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.upstream.scf import ParallelOp

SHORTEST = 8_000
"""Nanoseconds of work below which no other thread is asked: one that is awake begins up to 1 us late."""
WORD = 8
"""Bytes of a pointer, to which what threads are passed is aligned."""
FEW_ITERATIONS = 32
"""As many iterations as there are at least to share out, over more than one dimension if need be."""

VIEWS = frozenset({memref.ViewOp, memref.SubviewOp, memref.ReinterpretCastOp, memref.CastOp})
"""What is printed again in the body, where it is address arithmetic on pointers that do not alias."""


def emit_parallel(p: FunctionPrinter, op: ParallelOp) -> None:
    """Prints `scf.parallel` as nested loops, the last dimension innermost, or as a call of the pool."""
    if op.initVals:
        raise LLVMPrintError(
            op, "level 'loops' has no reductions in scf.parallel; reduce in an scf.for inside it"
        )
    cost = p.needs.costs.of(op)
    inside = operations_within(op) if p.function and cost >= SHORTEST else []
    if inside and not _calls_host(p, inside):
        call_pool(p, op, inside, round(cost))
    else:
        nest(p, op, 0)


def nest(p: FunctionPrinter, op: ParallelOp, depth: int) -> None:
    """Prints the loops over the dimensions from `depth` on, and the body in the innermost."""
    block = op.body.block
    if depth == len(block.args):
        p.operations(block)
        return
    induction, lower = block.args[depth], op.lowerBound[depth]
    upper, step = p.text(op.upperBound[depth]), p.text(op.step[depth])

    def body(variable: str, carried: Sequence[str]) -> Sequence[str]:
        p.alias(induction, variable)
        nest(p, op, depth + 1)
        return []

    loop(p, induction.name_hint or "i", (p.argument(lower), upper, step), [], body)


def _calls_host(p: FunctionPrinter, inside: Sequence[Operation]) -> bool:
    """Tells whether any of these operations may call the host: that is, in the thread that called the program."""
    calls = [inner.callee.string_value() for inner in inside if type(inner) is func.CallOp]
    return not all(p.needs.costs.is_straight(name) for name in calls)


def call_pool(p: FunctionPrinter, op: ParallelOp, inside: Sequence[Operation], cost: int) -> None:
    """Prints the call of the pool, and leaves the functions that it calls to be printed next."""
    body = ParallelBody(p, op, inside)
    count = _iterations(p, op, body.shared)
    kept = p.temporary("stack", p.call("ptr", "@llvm.stacksave.p0", []))
    captured = p.temporary("captured", f"alloca [{body.bytes} x i8], align 64")
    for type, text, offset in body.captured:
        field = p.temporary("field", f"getelementptr inbounds i8, ptr {captured}, i64 {offset}")
        p.line(f"store {type} {text}, ptr {field}, align {WORD}")
    p.needs.declarations.add(f"declare void @{RUN}(ptr, ptr, i64, i64)")
    p.needs.calls_pool = True
    p.line(f"call void @{RUN}(ptr @{body.name}, ptr {captured}, i64 {count}, i64 {cost})")
    p.line(p.call("void", "@llvm.stackrestore.p0", [("ptr", kept)]))
    p.needs.bodies.append(body.text)


def _shared_dimensions(op: ParallelOp) -> int:
    """The number of leading dimensions that are shared out as one."""
    counts = [trips(*bounds) for bounds in zip(op.lowerBound, op.upperBound, op.step, strict=True)]
    depths = range(1, len(counts) + 1)
    return next((depth for depth in depths if prod(counts[:depth]) >= FEW_ITERATIONS), len(counts))


def _iterations(p: FunctionPrinter, op: ParallelOp, dimensions: int) -> str:
    """The number of iterations of the leading dimensions."""
    total = "1"
    for at in range(dimensions):
        total = _product(p, total, _trip_count(p, op, at))
    return total


def _trip_count(p: FunctionPrinter, op: ParallelOp, at: int) -> str:
    """The number of iterations of one dimension, as a literal where its bounds are literals."""
    lower, upper, step = op.lowerBound[at], op.upperBound[at], op.step[at]
    low, high, by = p.literal(lower), p.literal(upper), p.literal(step)
    if low is not None and high is not None and by is not None:
        return str(max(0, -((low - high) // by)))
    span = p.temporary("span", f"sub nsw i64 {p.text(upper)}, {p.text(lower)}")
    some = p.temporary("span", p.call("i64", "@llvm.smax.i64", [("i64", span), ("i64", "0")]))
    last = p.temporary("span", f"add i64 {some}, {p.text(step)}")
    over = p.temporary("span", f"sub i64 {last}, 1")
    return p.temporary("trips", f"udiv i64 {over}, {p.text(step)}")


def _product(p: FunctionPrinter, left: str, right: str) -> str:
    if left.isdigit() and right.isdigit():
        return str(int(left) * int(right))
    return right if left == "1" else p.temporary("product", f"mul i64 {left}, {right}")


class ParallelBody:
    """The functions that run a part of the iterations of one `scf.parallel`.

    Args:
        outer: prints the function that holds it, and has printed all before it.
        inside: it, and the operations in it.
    """

    def __init__(self, outer: FunctionPrinter, op: ParallelOp, inside: Sequence[Operation]) -> None:
        self.name = outer.needs.unique(f"{outer.function}.parallel")
        """What the threads call."""
        self.shared = _shared_dimensions(op)
        """The leading dimensions whose iterations are shared out, as one."""
        self.captured: list[tuple[str, str, int]] = []
        """The type, the text in the outer function and the offset of each value that the threads are passed.

        Offsets, since a struct of thousands of fields would be spelled out for each of them.
        """
        self.bytes = 0
        """How many bytes these take."""
        self._outer = outer
        self._op = op
        self._p = FunctionPrinter(outer.emitters, outer.needs)
        self._names: dict[str, str] = {}
        """The text of each captured value in the body, by that in the outer function."""
        self._memory: dict[str, SSAValue] = {}
        """The memrefs among them."""
        self._views: dict[Operation, None] = {}
        for value in _values_from_outside(inside):
            self._take(value)

    def _take(self, value: SSAValue) -> None:
        """Makes a value known in the body: literals and globals are the same there, and views are made again."""
        if (
            isinstance(value, OpResult)
            and type(value.op) in VIEWS
            and self._outer.text(value).startswith("%")
        ):
            for operand in value.op.operands:
                self._take(operand)
            self._views[value.op] = None
            return
        text = self._capture(spell(value.type), self._outer.text(value), _bytes_of(value))
        self._p.alias(value, text)
        if isinstance(value.type, MemRefType):
            self._memory[text] = value
            if value in self._outer.sizes:
                self._p.sizes[value] = [self._capture("i64", size) for size in self._outer.sizes[value]]

    def _capture(self, type: str, text: str, bytes: int = WORD) -> str:
        """The text in the body of what has this text in the outer function."""
        if not text.startswith("%"):
            return text
        if text not in self._names:
            self._names[text] = f"%{self._p.unique(text[1:])}"
            self.captured.append((type, text, self.bytes))
            self.bytes += -(-bytes // WORD) * WORD
        return self._names[text]

    def text(self) -> str:
        """The LLVM IR of both functions."""
        p, op = self._p, self._op
        start, end = (f"%{p.unique(hint)}" for hint in ("from", "to"))
        for view in self._views:
            p.operation(view)
        if self.shared == 1:
            self._loop_over_first(start, end)
        else:
            self._loop_over_all(start, end)
        p.line("ret void")
        p.finish()
        bounds = f"i64 {start}, i64 {end}"
        parameters = ", ".join([*self._parameters(), bounds])
        body = [
            f"define internal void @{self.name}.body({parameters}) noinline {ATTRIBUTES} {{",
            "entry:",
            *p.lines,
            "}",
        ]
        p.needs.notes.function(op, body)
        return "\n".join([*self._thunk(), "", *body])

    def _loop_over_first(self, start: str, end: str) -> None:
        """Prints the loops, the first dimension from one iteration to another."""
        p, op = self._p, self._op
        lower, step = p.text(op.lowerBound[0]), p.text(op.step[0])
        first, limit = (_at(p, lower, step, number) for number in (start, end))
        induction = op.body.block.args[0]

        def body(variable: str, carried: Sequence[str]) -> Sequence[str]:
            p.alias(induction, variable)
            nest(p, op, 1)
            return []

        loop(p, induction.name_hint or "i", (("i64", first), limit, step), [], body)

    def _loop_over_all(self, start: str, end: str) -> None:
        """Prints one loop over the dimensions that are shared out, and those inside of it."""
        p, op = self._p, self._op
        counts = [_trip_count(p, op, at) for at in range(self.shared)]

        def body(variable: str, carried: Sequence[str]) -> Sequence[str]:
            rest = variable
            for at in reversed(range(self.shared)):
                number = rest
                if at:
                    number = p.temporary("number", f"urem i64 {rest}, {counts[at]}")
                    rest = p.temporary("rest", f"udiv i64 {rest}, {counts[at]}")
                place = _at(p, p.text(op.lowerBound[at]), p.text(op.step[at]), number)
                p.alias(op.body.block.args[at], place)
            nest(p, op, self.shared)
            return []

        loop(p, "iteration", (("i64", start), end, "1"), [], body)

    def _parameters(self) -> list[str]:
        """The parameters of the body. Pointers do not alias if each is known to be into a buffer of its own."""
        attributes = {text: _attributes(self._outer, value) for text, value in self._memory.items()}
        if None in attributes.values():
            attributes.clear()
        return [
            " ".join(filter(None, (type, attributes.get(self._names[text]), self._names[text])))
            for type, text, _ in self.captured
        ]

    def _thunk(self) -> list[str]:
        """The function that loads what is captured and calls the body."""
        lines = [
            f"define internal void @{self.name}(ptr %captured, i64 %from, i64 %to) {ATTRIBUTES} {{",
            "entry:",
        ]
        arguments: list[str] = []
        for at, (type, _, offset) in enumerate(self.captured):
            lines.append(f"  %field{at} = getelementptr inbounds i8, ptr %captured, i64 {offset}")
            lines.append(f"  %value{at} = load {type}, ptr %field{at}, align {WORD}")
            arguments.append(f"{type} %value{at}")
        call = ", ".join([*arguments, "i64 %from, i64 %to"])
        return [*lines, f"  call void @{self.name}.body({call})", "  ret void", "}"]


def _bytes_of(value: SSAValue) -> int:
    """The bytes that a value takes in memory, at most."""
    return WORD * (length(value.type) or 2)  # a complex number has two parts


def _values_from_outside(inside: Sequence[Operation]) -> list[SSAValue]:
    """The values that an operation and those in it use and do not define, each once."""
    used: dict[int, SSAValue] = {}
    defined = set[int]()
    for op in inside:
        for value in op.operands:
            used.setdefault(id(value), value)
        defined.update(map(id, op.results))
        for region in op.regions:
            for block in region.blocks:
                defined.update(map(id, block.args))
    return [value for number, value in used.items() if number not in defined]


def _at(p: FunctionPrinter, lower: str, step: str, number: str) -> str:
    """The value of an induction variable in its iteration of this number."""
    scaled = number if step == "1" else p.temporary("scaled", f"mul nsw i64 {number}, {step}")
    return scaled if lower == "0" else p.temporary("place", f"add nsw i64 {lower}, {scaled}")


def _attributes(outer: FunctionPrinter, value: SSAValue) -> str | None:
    """The attributes of a pointer to a buffer of its own; None for any other."""
    if isinstance(value.owner, memref.AllocOp):
        assert isinstance(value.type, MemRefType)
        return f"noalias captures(none) align {alignment(value.type.element_type)}"
    return outer.attributes.get(value)


EMITTERS: EmitterTable = {ParallelOp: emit_parallel}
