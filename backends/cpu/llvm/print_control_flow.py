"""Prints structured control flow (`scf`) and calls as basic blocks with phis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from xdsl.dialects import func, scf
from xdsl.ir import Operation

from pullback.backends.cpu.llvm.function_printer import (
    Argument,
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
)
from pullback.backends.cpu.llvm_types import spell


def loop(
    p: FunctionPrinter,
    hint: str,
    bounds: tuple[Argument, str, str],
    inits: Sequence[Argument],
    body: Callable[[str, Sequence[str]], Sequence[str]],
    argument_hints: Sequence[str] = (),
) -> Sequence[str]:
    """Prints a counted loop, tested at the bottom behind a guard, and returns the texts of its results.

    `bounds` are (typed lower, upper, step); `inits` the initial values of what the loop carries. `body`
    prints one iteration: it receives the induction variable and the carried values, and returns the next.
    """
    (type, lower), upper, step = bounds
    top, end, before = p.unique(f"{hint}.loop"), p.unique(f"{hint}.end"), p.block
    runs = statically_runs(lower, upper)
    if runs:
        p.branch(top)
    else:
        p.branch_if(p.temporary(f"{hint}.any", f"icmp slt {type} {lower}, {upper}"), top, end)
    p.label(top)
    variable = f"%{p.unique(hint)}"
    carried = [f"%{p.unique(name)}" for name in argument_hints]
    phis = len(p.lines)
    p.lines += [""] * (1 + len(carried))
    yielded = body(variable, carried)
    following = p.temporary(f"{hint}.next", f"add nsw {type} {variable}, {step}")
    again = p.temporary(f"{hint}.again", f"icmp slt {type} {following}, {upper}")
    p.branch_if(again, top, end)
    latch = p.block
    for at, (name, (kind, init), value) in enumerate(
        zip([variable, *carried], [(type, lower), *inits], [following, *yielded], strict=True)
    ):
        p.lines[phis + at] = f"  {name} = phi {kind} [ {init}, %{before} ], [ {value}, %{latch} ]"
    p.label(end)
    if runs:
        return yielded
    return [
        p.temporary(f"{name[1:]}.end", f"phi {kind} [ {init}, %{before} ], [ {value}, %{latch} ]")
        for name, (kind, init), value in zip(carried, inits, yielded, strict=True)
    ]


def statically_runs(lower: str, upper: str) -> bool:
    """Tells whether both bounds are literals and the loop runs at least once."""
    try:
        return int(lower) < int(upper)
    except ValueError:
        return False


def emit_for(p: FunctionPrinter, op: scf.ForOp) -> None:
    """Prints `scf.for`: a counted loop that carries values."""
    block = op.body.block
    induction, *arguments = block.args

    inits = [p.row_argument(init) for init in op.iter_args]
    counts = [len(rows) for rows in inits]

    def body(variable: str, carried: Sequence[str]) -> Sequence[str]:
        p.alias(induction, variable)
        for argument, rows in zip(arguments, grouped(carried, counts), strict=True):
            p.set_rows(argument, rows)
        p.operations(block)
        terminator = block.last_op
        values = terminator.operands if terminator is not None else ()
        return [text for value in values for text in p.rows(value)]

    results = loop(
        p,
        induction.name_hint or "i",
        (p.argument(op.lb), p.text(op.ub), p.text(op.step)),
        [row for rows in inits for row in rows],
        body,
        [a.name_hint or "carried" for a, count in zip(arguments, counts, strict=True) for _ in range(count)],
    )
    for result, rows in zip(op.res, grouped(results, counts), strict=True):
        p.set_rows(result, rows)


def grouped(texts: Sequence[str], counts: Sequence[int]) -> Iterator[Sequence[str]]:
    """The texts in groups of so many."""
    rest = iter(texts)
    return (list(islice(rest, count)) for count in counts)


def yielded(p: FunctionPrinter, terminator: Operation | None) -> Sequence[str]:
    """The texts of the operands of a block's terminator."""
    return [p.text(value) for value in terminator.operands] if terminator is not None else []


def emit_while(p: FunctionPrinter, op: scf.WhileOp) -> None:
    """Prints `scf.while`: the `before` region decides and passes values on, the `after` region computes the next."""
    before, after = op.before_region.block, op.after_region.block
    top, body, end = p.unique("while"), p.unique("while.do"), p.unique("while.end")
    entry = p.block
    p.branch(top)
    p.label(top)
    names = [p.name(argument, "carried") for argument in before.args]
    phis = len(p.lines)
    p.lines += [""] * len(names)
    p.operations(before)
    condition = before.last_op
    if not isinstance(condition, scf.ConditionOp):
        raise LLVMPrintError(op, "the first region must end in scf.condition")
    p.branch_if(p.text(condition.condition), body, end)
    p.label(body)
    for passed, argument, result in zip(condition.args, after.args, op.res, strict=True):
        p.alias(argument, p.text(passed))
        p.alias(result, p.text(passed))
    p.operations(after)
    p.branch(top)
    rows = zip(names, op.arguments, yielded(p, after.last_op), strict=True)
    for at, (name, init, value) in enumerate(rows):
        kind = spell(init.type)
        p.lines[phis + at] = f"  {name} = phi {kind} [ {p.text(init)}, %{entry} ], [ {value}, %{p.block} ]"
    p.label(end)


def emit_if(p: FunctionPrinter, op: scf.IfOp) -> None:
    """Prints `scf.if`: two branches that meet in phis; without results, the else branch may be absent."""
    then, otherwise, end = p.unique("if.then"), p.unique("if.else"), p.unique("if.end")
    has_else = bool(op.false_region.blocks)
    p.branch_if(p.text(op.cond), then, otherwise if has_else else end)
    incoming: list[tuple[Sequence[str], str]] = []
    for label, region in ((then, op.true_region), (otherwise, op.false_region)):
        if not region.blocks:
            continue
        p.label(label)
        p.operations(region.block)
        incoming.append((yielded(p, region.block.last_op), p.block))
        p.branch(end)
    p.label(end)
    for at, result in enumerate(op.output):
        arms = ", ".join(f"[ {texts[at]}, %{block} ]" for texts, block in incoming)
        p.define(result, f"phi {spell(result.type)} {arms}")


def emit_call(p: FunctionPrinter, op: func.CallOp) -> None:
    """Prints a call of another function of the module, of at most one result; one of the host may fail."""
    arguments = ", ".join(p.typed(argument) for argument in op.arguments)
    callee = op.callee.string_value()
    if callee in p.needs.host:
        status = p.temporary("status", f"call i32 @{callee}({arguments})")
        p.return_if(p.temporary("failed", f"icmp ne i32 {status}, 0"))
    elif not op.res:
        p.line(f"call void @{callee}({arguments})")
    elif len(op.res) == 1:
        p.define(op.res[0], f"call {spell(op.res[0].type)} @{callee}({arguments})")
    else:
        raise LLVMPrintError(op, "a function of level 'loops' returns at most one value")


def emit_return(p: FunctionPrinter, op: func.ReturnOp) -> None:
    """Prints `ret`, with the one value that a function may return."""
    if len(op.arguments) > 1:
        raise LLVMPrintError(op, "a function of level 'loops' returns at most one value")
    p.line(f"ret {p.typed(op.arguments[0])}" if op.arguments else "ret void")


def nothing(p: FunctionPrinter, op: Operation) -> None:
    """Prints nothing: terminators are printed by the operation that holds them."""


EMITTERS: EmitterTable = {
    func.CallOp: emit_call,
    func.ReturnOp: emit_return,
    scf.ConditionOp: nothing,
    scf.ForOp: emit_for,
    scf.IfOp: emit_if,
    scf.ReduceOp: nothing,
    scf.WhileOp: emit_while,
    scf.YieldOp: nothing,
}
