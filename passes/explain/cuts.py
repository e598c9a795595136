"""Cuts: the edges on the ways from a y to x that no gradient passes, each with its reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.irdl import OptionalDef, VariadicDef

from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.state.control_flow import While, Yield
from pullback.dialects.graph.tensor.location import name_of, name_of_value
from pullback.dialects.graph.tensor.types import differentiable_type
from pullback.dialects.ir.positions import place_in
from pullback.passes.explain.dependence import Dependence, Node, variable_of
from pullback.passes.explain.explanation import Cut, OperationPlace, Reason
from pullback.passes.explain.flow import flow_of
from pullback.passes.gradients.paths import find_paths, inputs_of
from pullback.passes.gradients.rule_registry import OVERRIDE, is_barrier, source_of, type_name
from pullback.passes.gradients.visible import Visible

Locate = Callable[[Operation], "str | None"]
"""A function from an operation to its position in the source: `file:line:column`."""

ONLY_FLOATS = "only floating-point values carry gradients"


def place_of(op: Operation, locate: Locate) -> OperationPlace:
    """The operation as data."""
    position, line = locate(op), place_in(op.location)
    return OperationPlace(name_of(op), type_name(op), position, str(line) if line and not position else None)


@dataclass
class Cuts:
    """One search from ys back to x, along what depends on x.

    Attributes:
        visible: the blocks that gradients pass.
        dependence: the ways from the ys back.
        between: what lies on ways to x.
        flow: which of them gradients take, were all of their values asked about.
    """

    ys: Sequence[SSAValue]
    x: SSAValue
    stops: Collection[SSAValue]
    visible: Visible
    locate: Locate
    nested: bool = False
    found: list[Cut] = field(default_factory=list[Cut])

    def __post_init__(self) -> None:
        self.dependence = Dependence(self.ys, self.visible)
        self.between = self.dependence.between(self.x)
        values = [n for n in self.between if isinstance(n, SSAValue) and differentiable_type(n.type)]
        self.flow = flow_of(self.ys, values, self.stops, self.visible, self.nested)
        self._reached = find_paths(self.ys, [self.x], self.stops, self.visible).reached

    def search(self) -> list[Cut]:
        """Every cut, the nearest to the ys first."""
        seen: set[SSAValue | Operation] = {self.x}
        work = deque(y for y in self.ys if y in self.between)
        while work:
            value = work.popleft()
            if value in seen:
                continue
            seen.add(value)
            op = self._enter(value)
            if op is not None and op not in seen:
                seen.add(op)
                work.extend(self._pass(op))
        return self.found

    def _add(
        self,
        reason: Reason,
        why: str,
        op: Operation | None,
        value: SSAValue | None = None,
        operand: int | None = None,
        alone: bool | None = None,
    ) -> None:
        self.found.append(
            Cut(
                reason,
                why,
                None if op is None else place_of(op, self.locate),
                operand,
                "" if op is None or operand is None else operand_name(op, operand),
                None if value is None else name_of_value(value),
                alone=(value is None or value in self._reached) if alone is None else alone,
            )
        )

    def _enter(self, value: SSAValue) -> Operation | None:
        """The operation that hands on the gradient of a value; `None`, and a cut, where none does."""
        op = value.owner if isinstance(value.owner, Operation) else None
        if not differentiable_type(value.type):  # only a y can be of such a type here
            self._add(
                Reason.DTYPE_OF_Y,
                f"y '{name_of_value(value)}' is {value.type}: it takes a seed, which goes no further, since "
                f"{ONLY_FLOATS}",
                None,
            )
            return None
        if value in self.stops:
            why = f"'{name_of_value(value)}' is one of stop_gradients"
            alone = op is None or any(v in self._reached for v in inputs_of(op))
            self._add(Reason.STOPPED, why, op, alone=alone)
            return None
        if op is None and self.visible.is_carried(value):
            self._add(
                Reason.CARRIED,
                f"'{name_of_value(value)}' is carried by the loop in which gradients are asked for: what it was "
                "before a trip is constant there",
                None,
            )
        if op is None or op.parent not in self.visible.passed:
            return None
        return op

    def _pass(self, op: Operation) -> Iterator[SSAValue]:
        """The inputs of an operation that a gradient goes on to. Records a cut for each other one that depends on x."""
        inputs = inputs_of(op)
        arrived = self.flow.arrived.get(op, (False,) * len(inputs))
        for index, (value, got) in enumerate(zip(inputs, arrived, strict=True)):
            if value not in self.between or (
                isinstance(op, CustomGradient) and not self._speaks_of(op, index)
            ):
                continue
            if got:
                yield value
            elif isinstance(op, While) and op not in self.flow.failures:
                self._in_loop(op, index, value, inputs)
            else:
                self._at_operand(op, index, value)
        for update in self.dependence.updates_of(op):
            if update in self.between:
                self._add(
                    Reason.ASSIGNMENT,
                    f"variable '{variable_of(update)}' was updated there; what is read of it afterwards is not "
                    "connected with the update",
                    update,
                    value=update.operands[-1],
                )

    def _speaks_of(self, op: CustomGradient, index: int) -> bool:
        """Tells whether a custom gradient differentiates this operand: an argument, not a value that it passes on."""
        first, last = len(op.values), len(op.operands)
        others = op.operands[first:]
        return first <= index < last or (index < first and not any(v in self.between for v in others))

    def _at_operand(self, op: Operation, index: int, value: SSAValue) -> None:
        if is_barrier(op):
            self._add(Reason.NOT_DIFFERENTIABLE, _why_not_differentiable(op), op, value, index)
        elif op in self.flow.failures:
            self._add(Reason.FAILURE, str(self.flow.failures[op]), op, value, index)
        elif not differentiable_type(value.type):
            why, alone = self._why_integer(value)
            self._add(Reason.DTYPE, f"it is {value.type}, and {ONLY_FLOATS}{why}", op, value, index, alone)
        else:
            why = f"the rule ({source_of(op)}) gives this operand no gradient"
            self._add(Reason.RULE, why, op, value, index)

    def _why_integer(self, value: SSAValue) -> tuple[str, bool]:
        """The operations that turned x into an integer or truth value, in words, and whether x reaches one of them."""
        work: list[Node] = [value]
        seen: set[Node] = set()
        makers: list[Operation] = []
        alone = False
        for node in work:
            for source in self.dependence.sources(node):
                if source in seen or source not in self.between:
                    continue
                seen.add(source)
                if (
                    isinstance(source, SSAValue)
                    and differentiable_type(source.type)
                    and isinstance(node, Operation)
                ):
                    makers.append(node)
                    alone = alone or source in self._reached
                else:
                    work.append(source)
        names = ", ".join(str(place_of(op, self.locate)) for op in dict.fromkeys(makers))
        return (f"; floating point ends at {names}" if names else ""), alone

    # ---- loops -----------------------------------------------------------------------------------------

    def _in_loop(self, op: While, index: int, value: SSAValue, inputs: Sequence[SSAValue]) -> None:
        if op.no_gradient is not None:
            self._add(
                Reason.LOOP_WITHOUT_GRADIENT, "the loop was made with back_prop=False", op, value, index
            )
            return
        carried = index < len(op.inits)
        if not carried and not _uses(op.body.block, value):
            self._add(Reason.LOOP_CONDITION, "it only decides when the loop ends", op, value, index)
            return
        if not differentiable_type(value.type):
            self._at_operand(op, index, value)
            return
        inner = self._cuts_of_body(op, op.body.block.args[index] if carried else value)
        if not inner:
            why = "in the body no gradient flows from a carried value that has one to this one"
            self._add(Reason.LOOP_BODY, why, op, value, index)
        for cut in inner:
            self.found.append(
                replace(cut, inside=cut.inside or name_of(op), alone=cut.alone and value in self._reached)
            )

    def _cuts_of_body(self, op: While, x: SSAValue) -> list[Cut]:
        block = op.body.block
        last = block.last_op
        assert isinstance(last, Yield)
        arrived = self.flow.arrived.get(op, ())
        ys = [
            yielded
            for result, got, yielded in zip(op.results, arrived, last.operands, strict=False)
            if (got or result in self.flow.terms) and differentiable_type(yielded.type)
        ]
        return Cuts(ys, x, (), Visible.only(block), self.locate, nested=True).search()


def _uses(block: Block, value: SSAValue) -> bool:
    return any(value in inner.operands for inner in block.walk())


def operand_name(op: Operation, index: int) -> str:
    """The name of an operand in its operation's class; empty for captured values, variadic and only operands."""
    definition = getattr(type(op), "get_irdl_definition", None)
    operands = definition().operands if definition is not None else []
    variadic = any(
        isinstance(part, VariadicDef) and not isinstance(part, OptionalDef) for _, part in operands
    )
    unnamed = variadic or len(op.operands) == 1 or index >= min(len(op.operands), len(operands))
    return "" if unnamed else operands[index][0]


def _why_not_differentiable(op: Operation) -> str:
    override = op.attributes.get(OVERRIDE)
    if isinstance(override, StringAttr):
        return f"not differentiable: its override '{override.data}' says so"
    if source_of(op) == "registered":
        return "not differentiable: it was declared so by NotDifferentiable"
    if op.results and not any(differentiable_type(t) for t in op.result_types):
        return f"not differentiable: its result is {op.result_types[0]}, and {ONLY_FLOATS}"
    meaning = (type(op).__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return f"not differentiable: {meaning}" if meaning else "not differentiable"
