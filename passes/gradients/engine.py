"""Reverse-mode differentiation of a block, operation by operation, in linear time: the gradient engine.

The engine names no arithmetic operation. Rules say the mathematics; the engine does what all of them share: the order,
the sums of terms, un-broadcasting, zeros for absent cotangents, erasing what no x needs, markers, names and rollback.

For `z`, with respect to `x`, in

    %e = graph.exp %x : tensor<3xf32>
    %y = graph.multiply %e, %b : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    %z = graph.add %y, %e : tensor<3xf32>

it visits `add`, `multiply` and `exp`, each once all its users have delivered their terms, and adds

    %0 = graph.fill {value = 1.0 : f32} : tensor<3xf32>     // the seed
    %1, %2 = graph.backward %0, %0 : …                      // add: one cotangent per operand, which leave it together
    %3 = graph.multiply %1, %b : …                          // multiply: for %e alone, since %b needs none
    %4 = graph.sum_gradients %2, %3 : tensor<3xf32>         // the terms of %e
    %5 = graph.multiply %4, %e : tensor<3xf32>              // exp: its own result is at hand
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from pullback.dialects.graph.by_index.gather import zeros_like
from pullback.dialects.graph.gradient.markers import Backward, NaryIdentity, SumGradients
from pullback.dialects.graph.gradient.policies import AggregationAttr, GatingAttr, Unconnected
from pullback.dialects.graph.movement.shapes import SumTo
from pullback.dialects.graph.op.graph_op import GraphOp, Properties
from pullback.dialects.graph.state.stacks import EmptyStack
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.dialects.graph.tensor.location import Origin
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType, differentiable_type, gradient_type_of
from pullback.passes.gradients.carried import check_carried
from pullback.passes.gradients.custom_gradient_closure import with_closure
from pullback.passes.gradients.emitter import Emitter, GradientOptions, densified
from pullback.passes.gradients.paths import Paths, find_paths, inputs_of
from pullback.passes.gradients.rule_errors import check_number, checked_gradient
from pullback.passes.gradients.rule_registry import facts_of, lookup
from pullback.passes.gradients.seeds import check_seeds, seed_of
from pullback.passes.gradients.slice_gradients import rows_of, rows_passed, with_common_indices
from pullback.passes.gradients.visible import Visible
from pullback.passes.gradients.while_gradient import loop_gradients


def gradients(
    ys: Sequence[SSAValue],
    xs: Sequence[SSAValue],
    grad_ys: Sequence[Tensor | None],
    block: Block,
    insert: Insert,
    options: GradientOptions,
    stops: Collection[SSAValue] = (),
    unconnected: Unconnected = Unconnected.NONE,
    about: Operation | None = None,
    elsewhere: list[Operation] | None = None,
) -> list[Tensor | None]:
    """Differentiates sum(ys, weighted by grad_ys) with respect to each x: `None` where no y depends on it.

    Args:
        ys, xs: values of `block`, or that it sees.
        grad_ys: one per y, of its shape (of the rows, for slices); `None` for ones.
        block: whose operations are differentiated, and those of the blocks around it.
        insert: where new operations go.
        stops: values taken as constants: nothing flows into what computes them.
        unconnected: `ZERO` gives zeros instead of `None`.
        about: the request, for diagnostics.
        elsewhere: records what is not put in `insert` but beside the operations that it serves.

    Raises:
        MissingGradientError: a path leads through an operation without a rule.
        GradientError: a seed does not fit its y, a rule returned what it must not, or a path goes on only through
            what a loop around the block carries.
        In every case the block is left as it was.
    """
    check_seeds(ys, grad_ys, about)
    emitter = Emitter(insert, options, elsewhere=elsewhere if elsewhere is not None else [])
    try:
        walk = ReverseWalk(Visible.around(block), emitter, frozenset(stops), about=about)
        results = walk.run(ys, xs, grad_ys)
        if unconnected is Unconnected.ZERO:
            with inserting(emitter):
                return [walk.zeros(x) if r is None else r for x, r in zip(xs, results, strict=True)]
        return results
    except BaseException:
        emitter.take_back()
        raise


class ReverseWalk:
    """One reverse traversal of some blocks: accumulates cotangents (`terms`) from the ys to the xs."""

    def __init__(
        self,
        visible: Visible,
        emitter: Emitter,
        stops: Collection[SSAValue],
        nested: bool = False,
        about: Operation | None = None,
    ) -> None:
        self.visible = visible
        self.nested = nested
        self.emitter = emitter
        self.stops = stops
        self.about = about
        self.wanted: frozenset[SSAValue] = frozenset()
        self.terms: dict[SSAValue, list[Tensor]] = {}
        options = emitter.options
        self.sum_properties: Properties = (
            {"aggregation": AggregationAttr(options.aggregation)} if options.aggregation else {}
        )
        self.gate_properties: Properties = {"gate": GatingAttr(options.gate)} if options.gate else {}

    def inside(self, block: Block, insert: Insert) -> ReverseWalk:
        """A walk over the body of a loop in this block, whose new operations go elsewhere."""
        return ReverseWalk(Visible.only(block), self.emitter.at(insert), (), nested=True)

    def stopping(self, stops: Collection[SSAValue]) -> ReverseWalk:
        """A walk over the same blocks that takes other values as constants."""
        return ReverseWalk(self.visible, self.emitter, stops, self.nested, self.about)

    def probing(self, visible: Visible, stops: Collection[SSAValue]) -> ReverseWalk:
        """A trial walk over other blocks, whose new operations are to be rolled back."""
        return ReverseWalk(visible, Emitter(Block().add_op, GradientOptions()), stops, about=self.about)

    def run(
        self, ys: Sequence[SSAValue], xs: Sequence[SSAValue], grad_ys: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        """The gradients of the xs; see `gradients`."""
        paths = find_paths(ys, xs, self.stops, self.visible)
        self.wanted = frozenset(xs)
        with inserting(self.emitter):
            for i, (y, given) in enumerate(zip(ys, grad_ys, strict=True)):
                if y in paths.reached or y in self.wanted:
                    owner = y.owner
                    self.emitter.serve(
                        Origin.SEED, f"grad_ys_{i}", owner if isinstance(owner, Operation) else None
                    )
                    self.terms.setdefault(y, []).append(seed_of(y, given))
            self._visit_all(ys, paths)
        self._check_carried(xs, [a for a in paths.carried if a not in self.stops and self.terms.get(a)])
        with inserting(self.emitter):
            return [self.total(x) for x in xs]

    def _check_carried(self, xs: Sequence[SSAValue], arrived: Sequence[BlockArgument]) -> None:
        check_carried(self, xs, arrived)

    def _visit_all(self, ys: Sequence[SSAValue], paths: Paths) -> None:
        """Visits each operation once all its users have delivered, in topological order from the ys (breadth-first)."""
        pending = dict(paths.pending)
        producers = dict.fromkeys(y.owner for y in ys)
        ready = deque(op for op in producers if isinstance(op, Operation) and pending.get(op) == 0)
        while ready:
            op = ready.popleft()
            self._visit(op, paths.reached)
            for value in inputs_of(op):
                owner = value.owner
                if value in self.stops or value not in paths.reached or owner not in pending:
                    continue
                assert isinstance(owner, Operation)
                pending[owner] -= 1
                if pending[owner] == 0:
                    ready.append(owner)

    def _visit(self, op: Operation, reached: Collection[SSAValue]) -> None:
        """Differentiates one operation: the cotangents of its results become terms of its inputs."""
        dys = [None if r in self.stops else self.total(r) for r in op.results]
        if all(d is None for d in dys):
            return
        inputs = inputs_of(op)
        needed = [v in reached for v in inputs]
        facts = facts_of(type(op))
        differentiate = self._loop_gradients if facts.loop else self._apply_rule
        grads = differentiate(op, dys, needed)
        if facts.closure:
            grads = with_closure(self, op, dys, needed, grads)
        for value, grad in zip(inputs, self._marked(op, grads), strict=True):
            if grad is not None:
                self.terms.setdefault(value, []).append(grad)

    def _loop_gradients(
        self, op: Operation, dys: Sequence[Tensor | None], needed: Sequence[bool]
    ) -> list[Tensor | None]:
        return loop_gradients(self, op, dys, needed)

    def _apply_rule(
        self, op: Operation, dys: Sequence[Tensor | None], needed: Sequence[bool]
    ) -> list[Tensor | None]:
        """Applies the rule: cotangents of the needed operands, in their shapes; the rest of it is erased at once."""
        rule = lookup(op)
        if rule is None:
            return [None] * len(op.operands)
        self.emitter.serve(Origin.GRADIENT, "_grad/", op)
        mark = len(self.emitter.made)
        said = rows_passed(op, rule, dys) if any(map(self._takes_rows, op.operands)) else None
        if said is None:
            self._erase_unneeded(mark, ())
            given = self._complete(op, dys)
            mark = len(self.emitter.made)
            said = rule(op, *given)
        grads: list[object] = list(said) if isinstance(said, tuple | list) else [said]
        check_number(op, grads)
        broadcasts = facts_of(type(op)).broadcasts
        kept: list[Tensor | None] = []
        for i, (grad, operand, need) in enumerate(zip(grads, op.operands, needed, strict=True)):
            if grad is not None and (need or not broadcasts):
                if broadcasts and isinstance(grad, Tensor):
                    grad = SumTo.like(grad, Tensor(operand))
                grad = checked_gradient(op, i, grad)
            kept.append(grad if need and isinstance(grad, Tensor) else None)
        self._erase_unneeded(mark, kept)
        return kept

    def _takes_rows(self, value: SSAValue) -> bool:
        """Whether slices as the gradient of a value would stay slices: it is an x, or its producer passes rows on."""
        facts = facts_of(type(value.owner)) if isinstance(value.owner, Operation) else None
        return value in self.wanted or (facts is not None and (facts.passes_slices or facts.keeps_rows))

    def _complete(self, op: Operation, dys: Sequence[Tensor | None]) -> list[Tensor | None]:
        """One cotangent per result, as rules expect: zeros where none arrived, dense unless the rule takes slices."""
        slices_pass = facts_of(type(op)).passes_slices
        # As in TensorFlow: what moves rows about, to pick them along another axis, is no surprise.
        moves = isinstance(op, GraphOp) and type(op).TAKES is not None
        given: list[Tensor | None] = []
        for result, dy in zip(op.results, dys, strict=True):
            if dy is None and differentiable_type(result.type) and not isinstance(op, NaryIdentity):
                dy = self.zeros(result)
            given.append(dy if dy is None or slices_pass else densified(dy, quiet=moves))
        return given

    def zeros(self, value: SSAValue) -> Tensor:
        """The zero gradient with respect to a value."""
        owner = value.owner
        type_ = gradient_type_of(value.type)
        with self.emitter.serving(Origin.ZERO, "zeros_like", owner if isinstance(owner, Operation) else None):
            if isinstance(type_, StackType):
                return EmptyStack.emit_as([], type_)
            return zeros_like(rows_of(Tensor(value)))

    def _erase_unneeded(self, mark: int, kept: Sequence[Tensor | None]) -> None:
        """Erases the dead operations among those made since `mark` (DCE of what a rule has added)."""
        made = self.emitter.made
        keep = {g.value for g in kept if g is not None}
        survivors: list[Operation] = []
        for op in reversed(made[mark:]):
            if any(r.first_use is not None or r in keep for r in op.results):
                survivors.append(op)
            else:
                op.detach()
                op.erase()
        made[mark:] = reversed(survivors)

    def _marked(self, op: Operation, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """Two or more needed gradients of one operation leave it together, through `graph.backward`."""
        present = [g for g in grads if g is not None]
        if len(present) < 2:
            return grads
        self.emitter.serve(Origin.GATE, "_grad/", op)
        values = [g.value for g in present]
        marker = Backward.create(
            operands=values, result_types=[v.type for v in values], properties=self.gate_properties
        )
        self.emitter(marker)
        results = iter(marker.results)
        return [None if g is None else Tensor(next(results)) for g in grads]

    def total(self, value: SSAValue) -> Tensor | None:
        """The cotangent of a value: the sum of the terms that have arrived, marked by `graph.sum_gradients`."""
        terms = self.terms.get(value)
        if not terms:
            return None
        if len(terms) > 1:
            owner = value.owner
            forward = owner if isinstance(owner, Operation) else None
            self.emitter.serve(Origin.SUM, "sum", forward)
            same = with_common_indices(terms, Tensor(value))
            terms[:] = [Tensor(SumGradients.emit([t.value for t in same], self.sum_properties).results[0])]
        return terms[0]
