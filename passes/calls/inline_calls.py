"""`inline-calls`: inlines each call of a function on tensors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr, ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.traits import IsTerminator

from pullback.dialects.graph.elementwise.basic import Identity
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.state.variables import ReadsVariable, Update, VariableOp
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.location import called_at, name_in, name_of, name_of_value, named_at
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.ir.source import note_copies
from pullback.passes.calls.call_order import Calls, graph_calls
from pullback.passes.calls.called_variables import References, stop_at
from pullback.passes.rewriting.limits import MAX_OPERATIONS, checked_limit, too_large
from pullback.passes.rewriting.name_scopes import unique, used_scopes
from pullback.passes.rewriting.replacement import drop, replace_in
from pullback.passes.rewriting.statistic import Statistic


@dataclass(frozen=True)
class InlineCalls(ModulePass):
    """Inlines each call of a function on tensors, and erases private functions that nothing calls any more.

    What was `tanh` in the function is `layer/tanh` where the call was `layer`; a call without a name has that of the
    function. A variable has one reference in a function, also where several of the functions called refer to it.
    Calls of functions on memory stay.
    """

    name = "inline-calls"
    inlined = Statistic("calls that were replaced by what the function does")
    removed = Statistic("private functions that nothing calls any more")

    max_operations: int = MAX_OPERATIONS
    """How many operations the program may become: calls of functions that call multiply."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in inline_calls(op, self.max_operations):
            if function.sym_visibility is not None and function.sym_visibility.data == "private":
                function.detach()
                function.erase()
                self.removed.add()


def inline_calls(module: ModuleOp, max_operations: int = MAX_OPERATIONS) -> list[func.FuncOp]:
    """Inlines the calls of graph functions in a module.

    Args:
        module: the program.
        max_operations: how many operations it may become.

    Returns:
        The functions that were called. All are left in the module.

    Raises:
        CallError: for a call that does not fit its function, of a function without a body, or of a recursion.
        SizeError: at the call with which the program would become too large; nothing has changed then.
    """
    called: dict[func.FuncOp, None] = {}
    all_calls = graph_calls(module)
    check_expansion(module, all_calls, max_operations)
    for caller, calls in all_calls.items():
        inliner = _Inliner(caller)
        for call, callee in calls:
            inliner.inline(call, callee)
            InlineCalls.inlined.add()
            called[callee] = None
        inliner.finish()
    return list(called)


def check_expansion(module: ModuleOp, calls: Calls, max_operations: int) -> None:
    """Counts the operations that inlining would give, without inlining.

    Args:
        module: the program.
        calls: its calls of graph functions, those of what is called first.
        max_operations: how many operations it may become.

    Raises:
        SizeError: at the call with which there would be more.
    """
    checked_limit("inline-calls", max_operations, module)
    sizes: dict[func.FuncOp, int] = {}
    total = len(operations_within(module))
    for caller, inner in calls.items():
        own = len(operations_within(caller))
        sizes[caller] = own
        for call, callee in inner:
            if callee not in sizes:
                sizes[callee] = len(operations_within(callee))
            sizes[caller] += sizes[callee]
            if total + sizes[caller] - own > max_operations:
                raise too_large("inline-calls", max_operations, call)
        total += sizes[caller] - own


class _Inliner:
    """Rewrites one function, whose calls are of functions that hold no calls any more."""

    def __init__(self, caller: func.FuncOp) -> None:
        self.caller = caller
        self.scopes = used_scopes(caller)
        self.known: dict[SSAValue, SSAValue] = {}
        """The values that replace the results of calls."""
        self.replaced: list[func.CallOp] = []
        self.references = References(caller)

    def inline(self, call: func.CallOp, callee: func.FuncOp) -> None:
        """Copies the body of a function to before a call of it."""
        assert call.parent is not None
        body = callee.body.block
        last = body.last_op
        assert last is not None
        site = _Site(call, unique(name_in(call.location) or callee.sym_name.data, self.scopes))
        values: dict[SSAValue, SSAValue] = {}
        for operand, argument in zip(call.operands, body.args, strict=True):
            given = self.known.get(operand, operand)
            values[argument] = site.apart(given, argument) if _is_singled_out(argument) else given
        for op in body.ops:
            if op is not last:
                copy = op.clone(values)
                call.parent.insert_op_before(copy, call)
                note_copies(op, copy)
                site.mark(op, copy)
                self.references.unite(op, copy, values)
                stop_at(body.args, op, copy, values)
        self._return(call, site, last, values)

    def _return(
        self, call: func.CallOp, site: _Site, last: Operation, values: dict[SSAValue, SSAValue]
    ) -> None:
        """Maps the call's results to what the body returns, each a value of its own, under its name at the call."""
        taken: set[SSAValue] = set()
        for result, returned in zip(call.results, last.operands, strict=True):
            value = values[returned]
            if _is_singled_out(result) or returned.owner is last.parent or value in taken:
                value = site.apart(value, returned)
            if isinstance(value.type, TensorType) and result.name_hint is not None:
                value.name_hint = result.name_hint
            taken.add(value)
            self.known[result] = value
        self.replaced.append(call)

    def finish(self) -> None:
        """Erases the calls and replaces their uses, in one walk."""
        replace_in(self.caller, self.known)
        for call in reversed(self.replaced):
            drop(call)


def _is_singled_out(value: SSAValue) -> bool:
    """Whether gradients are asked for, or stop, at this very value: then it must not be merged with an equal one."""
    for use in value.uses:
        match use.operation:
            case Gradients() as op if value in (*op.xs, *op.stops):
                return True
            case CustomGradient() as op if value in (*op.xs, *op.closed):
                return True
            case _:
                pass
    return False


class _Site:
    """A call site, and the names of what is inlined there."""

    def __init__(self, call: func.CallOp, scope: str) -> None:
        self.call = call
        self.location = named_at(scope, call.location)
        self.prefix = re.sub(r"\W|^(?=\d)", "_", scope, flags=re.ASCII)
        self.names: set[str] = set()

    def mark(self, op: Operation, copy: Operation) -> None:
        """Names a copy, with its regions, under the call, and gives it the call's device where it has none."""
        for original, made in zip(operations_within(op), operations_within(copy), strict=True):
            self._place(made, original.location, name_of(original))
            for value in (*made.results, *(a for r in made.regions for b in r.blocks for a in b.args)):
                self._prefix(value)

    def apart(self, value: SSAValue, inner: SSAValue) -> SSAValue:
        """A copy of a value by `identity`, so that gradients tell the two apart; references and stacks stay."""
        if not isinstance(value.type, TensorType):
            return value
        made = Identity.create(operands=[value], result_types=[value.type])
        self._place(made, UNKNOWN_LOC, name_of_value(inner))
        made.results[0].name_hint = inner.name_hint
        self._prefix(made.results[0])
        assert self.call.parent is not None
        self.call.parent.insert_op_before(made, self.call)
        return made.results[0]

    def _place(self, made: Operation, location: LocationAttr, name: str) -> None:
        """The location that an operation has inside, or else one with this name, at the location of the call."""
        if (given := name_in(location)) is not None:
            self.names.add(given)
        elif not made.has_trait(IsTerminator, value_if_unregistered=False):
            location = named_at(unique(name, self.names), location)
        if location != UNKNOWN_LOC:
            made.location = called_at(location, self.location)
        device = self.call.attributes.get(DEVICE)
        # A variable has a place of its own, wherever the function is called.
        if device is not None and not isinstance(made, VariableOp | ReadsVariable | Update):
            made.attributes.setdefault(DEVICE, device)

    def _prefix(self, value: SSAValue) -> None:
        if value.name_hint is not None:
            value.name_hint = f"{self.prefix}_{value.name_hint}"
