"""The gradient of `graph.while`: taping. A backward loop pops what a copy of the forward loop has pushed.

The forward loop stays as it is. A *twin* of it (same inits, same condition, same body) counts its trips and pushes
what the backward body needs onto stacks, the tape; `merge-loops` later makes one loop of both. The backward loop makes
as many trips and pops in reverse order; it carries a cotangent for each carried value, and a running sum for each value
that the body captures.

For `y`, with respect to `x`, in this loop, whose body squares

    %y = graph.while %x : tensor<f32> {
    ^bb0(%v: tensor<f32>):
      %on = graph.less %v, %limit : …
      graph.condition %on : tensor<i1>
    } do {
    ^bb0(%v: tensor<f32>):
      %s = graph.multiply %v, %v : tensor<f32>
      graph.yield %s : tensor<f32>
    }

there come, in short form (conditions and types left out; `less` is the twin's condition, too):

    // the twin: y once more, the trips, the tape
    %y2, %n, %tape = graph.while %x, %zero, %empty … do {
    ^bb0(%v, %count, %stack):
      %s = graph.multiply %v, %v
      %longer = graph.push %stack, %v                  // what the rule of `multiply` reads
      graph.yield %s, %count + 1, %longer
    }
    // backward: as long as there are trips left
    %rest, %dx, %popped = graph.while %n, %one, %tape … do {
    ^bb0(%count, %dy, %stack):
      %shorter, %v = graph.pop %stack
      %a = graph.multiply %dy, %v
      %b = graph.multiply %dy, %v
      %sum = graph.sum_gradients %a, %b                // through `graph.backward`, left out here
      graph.yield %count - 1, %sum, %shorter
    }

What the twin need not push: constants, which are made again, and carried values that no trip changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import i64
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.gradient.markers import SumGradients
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.state.stacks import EmptyStack, Pop, Push
from pullback.dialects.graph.state.variables import ReadsVariable, Update
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.location import Origin, name_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType, differentiable_type, gradient_type_of, tensor_type
from pullback.passes.gradients.emitter import Differentiator, densified
from pullback.passes.gradients.paths import find_paths, inputs_of
from pullback.passes.gradients.rule_errors import GradientError
from pullback.passes.gradients.visible import Visible
from pullback.passes.rewriting.replacement import replace_in

COUNT = tensor_type(i64, ())
"""The type of a trip count."""


def loop_gradients(
    walk: Differentiator, op: Operation, dys: Sequence[Tensor | None], needed: Sequence[bool]
) -> list[Tensor | None]:
    """Differentiates a loop: one gradient or `None` per init and per captured value, in the order of `inputs_of`.

    Raises:
        GradientError: the body updates a variable, or an inner loop reads one.
    """
    assert isinstance(op, While)
    inputs = inputs_of(op)
    if op.no_gradient is not None:
        return [None] * len(inputs)
    _refuse_effects(op, walk.nested)
    walk.emitter.serve(Origin.GRADIENT, "_grad/", op)
    inits = len(op.inits)
    wanted = [v for v, need in zip(inputs[inits:], needed[inits:], strict=True) if need]
    loop = LoopGradient(walk, op, dys, wanted)
    of_carried, of_captured = loop.build()
    grads = [of_carried.get(i) for i in range(inits)] + [of_captured.get(v) for v in inputs[inits:]]
    return [g if need else None for g, need in zip(grads, needed, strict=True)]


def _refuse_effects(op: While, nested: bool) -> None:
    """Refuses bodies with effects: the twin runs the body again, which must change nothing, nor see changes."""
    for inner in op.walk():
        if isinstance(inner, Update):
            raise GradientError(
                f"no gradient through loop '{name_of(op)}': its body updates a variable; carry the value instead",
                inner,
            )
        if nested and isinstance(inner, ReadsVariable):
            raise GradientError(
                f"no gradient through the inner loop '{name_of(op)}': it reads a variable; read it before the loop",
                inner,
            )


class LoopGradient:
    """Builds the twin and the backward loop of one `graph.while`."""

    def __init__(
        self, walk: Differentiator, op: While, dys: Sequence[Tensor | None], wanted: Sequence[SSAValue]
    ) -> None:
        self.walk = walk
        self.op = op
        self.dys = dys
        self.forward = op.body.block
        last = self.forward.last_op
        assert last is not None
        self.yields: Sequence[SSAValue] = last.operands
        self.carried, self.captured = self._with_gradient(wanted)

    def build(self) -> tuple[Mapping[int, Tensor], Mapping[SSAValue, Tensor]]:
        """Builds both loops; returns the gradients of the carried values, by index, and of the captured ones."""
        body = Block()
        count = body.insert_arg(COUNT, 0)
        news = self._differentiate(body)
        kept = self._replace_known(body, self._used_from_forward(body))
        twin = self._twin(kept)
        stacks = twin.results[len(self.op.results) + 1 :]
        with inserting(body.add_op):
            rests = self._pop_into(body, kept, stacks)
            body.add_op(Yield.create(operands=[(Tensor(count) - 1).value, *(t.value for t in news), *rests]))
        with inserting(self.walk.emitter):
            starts = [self._start(i) for i in self.carried] + [self.walk.zeros(v) for v in self.captured]
            results = self._backward_loop(twin.results[len(self.op.results)], starts, stacks, body)
        ends = len(self.carried)
        return (
            dict(zip(self.carried, results, strict=False)),
            dict(zip(self.captured, results[ends:], strict=True)),
        )

    # ---- which values have a gradient --------------------------------------------------------------------

    def _with_gradient(self, wanted: Sequence[SSAValue]) -> tuple[list[int], list[SSAValue]]:
        """The active carried values (by index) and captured values: a fixed point of activity through the body.

        A carried value is active if a cotangent of its result is given, or if an active one is computed from it.
        """
        arguments = self.forward.args
        xs = [*(a for a in arguments if differentiable_type(a.type)), *wanted]
        active = {i for i, dy in enumerate(self.dys) if dy is not None}
        while True:
            ys = [self.yields[i] for i in sorted(active)]
            pending = find_paths(ys, xs, (), Visible.only(self.forward)).pending
            touched = {*ys, *(v for op in pending for v in inputs_of(op))}
            more = {a.index for a in arguments if a in touched and differentiable_type(a.type)} - active
            if not more:
                return sorted(active), [v for v in wanted if v in touched]
            active |= more

    # ---- the backward body -------------------------------------------------------------------------------

    def _differentiate(self, body: Block) -> list[Tensor]:
        """Fills the backward body: the cotangents of the carried values before the trip, and the running sums."""

        def argument(value: SSAValue) -> Tensor:
            return Tensor(body.insert_arg(gradient_type_of(value.type), len(body.args)))

        arguments = self.forward.args
        seeds = [argument(arguments[i]) for i in self.carried]
        sums = [argument(v) for v in self.captured]
        inner = self.walk.inside(self.forward, body.add_op)
        xs = [*(arguments[i] for i in self.carried), *self.captured]
        grads = inner.run([self.yields[i] for i in self.carried], xs, seeds)
        split = len(self.carried)
        with inserting(inner.emitter):
            new = [
                inner.zeros(x) if g is None else densified(g)
                for x, g in zip(xs[:split], grads[:split], strict=True)
            ]
            inner.emitter.serve(Origin.SUM, "sum", self.op)
            for total, term in zip(sums, grads[split:], strict=True):
                new.append(
                    total
                    if term is None
                    else Tensor(
                        SumGradients.emit([total.value, term.value], self.walk.sum_properties).results[0]
                    )
                )
        return new

    def _used_from_forward(self, body: Block) -> list[SSAValue]:
        """The values of one forward trip that the backward body uses, in the order of their first use."""
        used: dict[SSAValue, None] = {}
        for op in body.walk():
            for value in op.operands:
                owner = value.owner
                block = owner if isinstance(owner, Block) else owner.parent
                if block is self.forward:
                    used[value] = None
        return list(used)

    def _replace_known(self, body: Block, used: Sequence[SSAValue]) -> list[SSAValue]:
        """Rematerialises constants and takes loop-invariant values from outside; returns the rest, to be pushed."""
        known: dict[SSAValue, SSAValue] = {}
        kept: list[SSAValue] = []
        for value in used:
            owner = value.owner
            if isinstance(owner, Operation) and not owner.operands and not owner.regions:
                copy = owner.clone()
                first = body.first_op
                body.insert_op_before(copy, first) if first is not None else body.add_op(copy)
                known[value] = copy.results[owner.results.index(value)]
            elif isinstance(value, BlockArgument) and self.yields[value.index] is value:
                known[value] = self.op.inits[value.index]
            else:
                kept.append(value)
        replace_in(body, known)
        return kept

    def _pop_into(self, body: Block, kept: Sequence[SSAValue], stacks: Sequence[SSAValue]) -> list[SSAValue]:
        """Replaces pushed values by what is popped at the start of the body; returns the shorter stacks."""
        popped: dict[SSAValue, SSAValue] = {}
        rests: list[SSAValue] = []
        first = body.first_op
        for value, stack in zip(kept, stacks, strict=True):
            argument = body.insert_arg(stack.type, len(body.args))
            pop = Pop.create(
                operands=[argument],
                result_types=[stack.type, value.type],
                location=self.walk.emitter.location,
            )
            body.insert_op_before(pop, first) if first is not None else body.add_op(pop)
            popped[value] = pop.results[1]
            rests.append(pop.results[0])
        replace_in(body, popped)
        return rests

    # ---- the two loops -----------------------------------------------------------------------------------

    def _twin(self, kept: Sequence[SSAValue]) -> While:
        """Clones the forward loop, with a trip count and a stack for each value to push."""
        op = self.op
        # Next to the original, so that it reads variables as that one did; inside a backward body, at its end.
        emitter = self.walk.emitter
        emitter = emitter if self.walk.nested else emitter.behind(op)
        emitter.serve(Origin.COPY, "_twin", op)
        with inserting(emitter):
            count = Fill.full(0, COUNT)
            stacks = [EmptyStack.emit_as([], StackType(v.type)) for v in kept]
        inits = [*op.inits, count.value, *(s.value for s in stacks)]
        condition, body, mapping = Region(), Region(), dict[SSAValue, SSAValue]()
        op.condition.clone_into(condition)
        op.body.clone_into(body, None, mapping)
        for region in (condition, body):
            for value in inits[len(op.inits) :]:
                region.block.insert_arg(value.type, len(region.block.args))
        block = body.block
        extra = [Tensor(a) for a in block.args[len(op.inits) :]]
        last = block.last_op
        assert last is not None
        with inserting(lambda new: block.insert_op_before(new, last)):
            longer = [Push.of(s, Tensor(mapping[v])) for s, v in zip(extra[1:], kept, strict=True)]
            following = [(extra[0] + 1).value, *(t.value for t in longer)]
        block.insert_op_before(Yield.create(operands=[*last.operands, *following]), last)
        last.detach()
        last.erase()
        twin = While.create(operands=inits, result_types=[v.type for v in inits], regions=[condition, body])
        emitter(twin)
        return twin

    def _start(self, index: int) -> Tensor:
        """The cotangent with which a carried value enters the backward loop."""
        dy = self.dys[index]
        return self.walk.zeros(self.op.results[index]) if dy is None else densified(dy)

    def _backward_loop(
        self, count: SSAValue, starts: Sequence[Tensor], stacks: Sequence[SSAValue], body: Block
    ) -> list[Tensor]:
        """Builds the backward loop: as many trips as the twin made."""
        inits = [count, *(t.value for t in starts), *stacks]
        condition = Block(arg_types=[v.type for v in inits])
        with inserting(condition.add_op):
            going_on = Tensor(condition.args[0]) > 0
        condition.add_op(Condition.create(operands=[going_on.value]))
        loop = While.create(
            operands=inits,
            result_types=[v.type for v in inits],
            regions=[Region(condition), Region(body)],
        )
        self.walk.emitter.serve(Origin.GRADIENT, "_grad/", self.op)
        self.walk.emitter(loop)
        return [Tensor(r) for r in loop.results[1 : 1 + len(starts)]]
