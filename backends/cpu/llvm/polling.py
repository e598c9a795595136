"""Inserts polls for signals into native functions: between kernels and at each trip of a loop, never inside a kernel.

What runs uses up fuel, by a rough estimate of its time. Where there is none left, `@pb.poll` looks at the clock, and
asks Python every 50 ms at most. So a kernel of a microsecond does not pay for a question, and a long one not for many.

A function may stop until it changes its first variable, and then no more; but a loop that changes some may stop between
its trips. For an error to say so, `@<entry>.changed` has a byte for each variable.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from xdsl.dialects import func, memref, scf
from xdsl.ir import Block, Operation

from pullback.backends.cpu.llvm.costs import HOST, Costs
from pullback.backends.cpu.llvm.function_printer import FunctionPrinter
from pullback.backends.cpu.symbols import ASK
from pullback.dialects.graph.kernel.argument_roles import VARIABLE, argument_roles
from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.graph.kernel.written_arguments import WRITES, Aliases, accesses_of
from pullback.dialects.ir.operations_within import operations_of_class, operations_within

FUEL = int(HOST)
"""Estimated nanoseconds between two looks at the clock."""
AT_ONCE = 60_000
"""Estimated nanoseconds of straight code that are counted together."""
PERIOD = 50_000_000
"""Nanoseconds between two questions to Python, which take the global interpreter lock."""


class Polling:
    """The state of printing one entry function: the fuel used since it was last counted, and whether it may stop."""

    def __init__(self, entry: func.FuncOp, written: dict[str, set[int]], costs: Costs) -> None:
        self.entry = entry
        self.costs = costs
        self.calls_host_late = False
        """Whether the host may run an operation after a variable was changed, or change one itself."""
        self.is_used = False
        """Whether there is any place where the function may stop."""
        self._host = {name for name, op in costs.functions.items() if is_host_function(op)}
        self._written = written
        self._aliases: Aliases = accesses_of(entry).aliases
        self._variables = {self._aliases.find(entry.body.block.args[at]): at for at in _variables(entry)}
        numbers = {at: number for number, at in enumerate(_variables(entry))}
        self._numbers = {value: numbers[at] for value, at in self._variables.items()}
        self.variables = tuple(_roles(entry)[at].removeprefix(VARIABLE) for at in _variables(entry))
        self._used = 0.0
        self._may_stop = True
        self._outer: list[bool] = []
        self._before: list[float] = []
        """A stack: the fuel used before each operation with regions that is being printed."""
        self._opaque = 0

    @property
    def is_needed(self) -> bool:
        """Whether the function is to poll: it takes long, or may fail, as it calls the host or allocates memory."""
        ops = operations_within(self.entry)
        return (
            any(isinstance(op, scf.WhileOp | memref.AllocOp) or self._calls_host(op) for op in ops)
            or self.costs.block(self.entry.body.block) > AT_ONCE
        )

    @property
    def allocates(self) -> bool:
        """Whether the function allocates memory, which is to be freed where it stops."""
        return bool(operations_of_class(memref.AllocOp, self.entry))

    @property
    def globals(self) -> list[str]:
        """The bytes that tell which variables have changed."""
        count = len(self.variables)
        return [f"@{self._changed} = global [{count} x i8] zeroinitializer"] if count else []

    @property
    def _changed(self) -> str:
        return f"{self.entry.sym_name.data}.changed"

    # ---- what the printer calls ---------------------------------------------------------------------------------

    def begin(self, p: FunctionPrinter) -> None:
        """Called at the beginning of the function."""
        for name in ("fuel", "deadline"):
            p.line(f"%{p.unique(name)} = alloca i64, align 8")
        if self.allocates:
            self.is_used = True  # it stops where there is no memory
            p.owned = p.temporary("owned", "alloca ptr, align 8")
            p.line(f"store ptr null, ptr {p.owned}, align 8")
        p.line(f"store i64 {FUEL}, ptr %fuel, align 8")
        p.line("store i64 0, ptr %deadline, align 8")
        if self.variables:
            p.needs.declarations.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            count = len(self.variables)  # a store of the array would be one for each of its bytes
            p.line(f"call void @llvm.memset.p0.i64(ptr @{self._changed}, i8 0, i64 {count}, i1 false)")

    def before(self, p: FunctionPrinter, op: Operation) -> None:
        """Called before an operation is printed."""
        if self._opaque:
            return
        if self._calls_host(op) and (not self._may_stop or self._changes(op)):
            self.calls_host_late = True
        if isinstance(op, func.CallOp | scf.WhileOp) and self._used >= AT_ONCE:
            self._spend(p)
        if _holds_calls(op):
            self._before.append(self._used)
            self._used = 0.0

    def after(self, p: FunctionPrinter, op: Operation) -> None:
        """Called after an operation was printed."""
        if self._opaque:
            return
        changed = self._changes(op)
        if _holds_calls(op):
            self._used += self._before.pop()
        else:
            self._used += self.costs.of(op)
            for number in changed:
                address = f"getelementptr inbounds (i8, ptr @{self._changed}, i64 {number})"
                p.line(f"store i8 1, ptr {address}, align 1")
        if changed:
            self._may_stop = False

    def enter(self, block: Block) -> None:
        """Called before the operations of a block inside of the function."""
        op = block.parent_op()
        if op is None or op is self.entry:
            return
        if self._opaque or not _holds_calls(op):
            self._opaque += 1
            return
        self._outer.append(self._may_stop)
        if _is_loop(op) and self._changes(op):
            self._may_stop = True  # as between two trips

    def leave(self, p: FunctionPrinter, block: Block) -> None:
        """Called after the operations of a block."""
        op = block.parent_op()
        if op is None or op is self.entry:
            return
        if self._opaque:
            self._opaque -= 1
            return
        outer = self._outer.pop()
        if _is_loop(op) and block is op.regions[-1].block:
            self._may_stop = outer or bool(self._changes(op))
            self._used += 1
            self._spend(p)
        self._may_stop = outer

    # ---- facts --------------------------------------------------------------------------------------------------

    def _calls_host(self, op: Operation) -> bool:
        return isinstance(op, func.CallOp) and op.callee.string_value() in self._host

    def _changes(self, op: Operation) -> list[int]:
        """The numbers of the variables that an operation may change, with all that it holds or calls."""
        targets = {
            self._aliases.find(op.operands[at]) for op in operations_within(op) for at in self._positions(op)
        }
        return sorted(self._numbers[target] for target in targets if target in self._numbers)

    def _positions(self, op: Operation) -> Sequence[int]:
        if isinstance(op, func.CallOp):
            name = op.callee.string_value()
            return sorted(self._written.get(name, range(len(op.operands))))
        return [WRITES[type(op)]] if type(op) in WRITES else []

    def _spend(self, p: FunctionPrinter) -> None:
        """Prints code that subtracts what was used from the fuel, and polls where none is left."""
        if not self._may_stop or not self._used:
            return
        used, self._used = self._used, 0.0
        self.is_used = True
        before = p.temporary("fuel.before", "load i64, ptr %fuel, align 8")
        left = p.temporary("fuel.left", f"sub nsw i64 {before}, {min(round(used), FUEL)}")
        p.line(f"store i64 {left}, ptr %fuel, align 8")
        poll, on = p.unique("poll"), p.unique("go_on")
        p.branch_if(p.temporary("fuel.empty", f"icmp slt i64 {left}, 0"), poll, on)
        p.label(poll)
        fresh = p.temporary("fuel.fresh", "call i64 @pb.poll(ptr %deadline)")
        p.line(f"store i64 {fresh}, ptr %fuel, align 8")
        p.return_if(p.temporary("stopped", f"icmp slt i64 {fresh}, 0"))
        p.branch(on)
        p.label(on)


def _roles(entry: func.FuncOp) -> list[str]:
    found = argument_roles(entry)
    return list(found) if len(found) == len(entry.body.block.args) else []


def _variables(entry: func.FuncOp) -> list[int]:
    """The positions of the arguments that hold variables."""
    return [at for at, role in enumerate(_roles(entry)) if role.startswith(VARIABLE)]


def _is_loop(op: Operation) -> bool:
    return not isinstance(op, scf.IfOp)


def _holds_calls(op: Operation) -> bool:
    """Tells whether an operation belongs to the function that calls kernels, not to a kernel."""
    if isinstance(op, scf.WhileOp):
        return True
    return bool(op.regions) and any(
        isinstance(i, func.CallOp | scf.WhileOp) for i in operations_within(op) if i is not op
    )


def poll_function() -> str:
    """LLVM IR of `@pb.poll(ptr)`: fresh fuel, or -1 to stop. The pointer is to the time at which to ask Python next."""
    clock = getattr(time, "CLOCK_MONOTONIC", None)
    head = "define internal i64 @pb.poll(ptr %deadline) noinline cold nounwind {\nentry:"
    ask = [
        "ask:",
        f"  %status = call i32 @{ASK}()",
        "  %stopped = icmp ne i32 %status, 0",
        f"  %fuel = select i1 %stopped, i64 -1, i64 {FUEL}",
        "  ret i64 %fuel",
        "}",
    ]
    if clock is None:  # no such clock on Windows
        return "\n".join([head, "  br label %ask", *ask])
    look = [
        "  %time = alloca [2 x i64], align 8",
        f"  %unused = call i32 @clock_gettime(i32 {clock}, ptr %time)",
        "  %seconds = load i64, ptr %time, align 8",
        "  %rest = getelementptr inbounds i64, ptr %time, i64 1",
        "  %nanoseconds = load i64, ptr %rest, align 8",
        "  %whole = mul i64 %seconds, 1000000000",
        "  %now = add i64 %whole, %nanoseconds",
        "  %due = load i64, ptr %deadline, align 8",
        "  %early = icmp slt i64 %now, %due",
        "  br i1 %early, label %later, label %renew",
        "renew:",
        f"  %next = add i64 %now, {PERIOD}",
        "  store i64 %next, ptr %deadline, align 8",
        "  %first = icmp eq i64 %due, 0",
        "  br i1 %first, label %later, label %ask",
        "later:",
        f"  ret i64 {FUEL}",
    ]
    return "\n".join([head, *look, *ask])


def poll_declarations() -> set[str]:
    """The declarations that `@pb.poll` needs."""
    clock = {"declare i32 @clock_gettime(i32, ptr)"} if hasattr(time, "CLOCK_MONOTONIC") else set[str]()
    return {f"declare i32 @{ASK}()", *clock}
