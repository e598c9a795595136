"""`aggregate-gradients`: lowers each `graph.sum_gradients` to additions, by a method that is chosen only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute, Operation, OpResult
from xdsl.passes import ModulePass

from pullback.dialects.graph.by_index.gather import ConcatSlices, Densify
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.gradient.markers import Accumulate, AddN, SumGradients
from pullback.dialects.graph.gradient.policies import Aggregation
from pullback.dialects.graph.tensor.device import DEVICE, parse_device
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, StackType, known_extents, tensor_type
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.rewriting.statistic import Statistic


@dataclass(frozen=True)
class AggregateGradients(ModulePass):
    """Turns every `graph.sum_gradients` into additions.

    `add_n` is one n-ary addition; `tree` TensorFlow's left fold of binary ones, each as soon as its inputs are
    there; `accumulate_n` one buffer to which each term is added right after it is computed; `balanced` a tree of
    logarithmic depth, which also rounds best. Slices are concatenated, whatever the method.
    """

    name = "aggregate-gradients"
    anchor = "func.func"
    sums = Statistic("sums of gradients that became additions", by="method")

    method: Literal["requested", "add_n", "tree", "accumulate_n", "balanced"] = "requested"
    """`requested` is what each request asked for, and `add_n` where it left that open."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for marker in [o for o in operations_within(op) if isinstance(o, SumGradients)]:
            own = marker.aggregation.data if marker.aggregation is not None else Aggregation.ADD_N
            aggregate(marker, own if self.method == "requested" else Aggregation(self.method))


def aggregate(marker: SumGradients, method: Aggregation) -> None:
    """Replaces one `graph.sum_gradients` by the additions of a method."""
    AggregateGradients.sums.add(kind=method.value)
    block = marker.parent
    assert block is not None

    def insert(op: Operation) -> None:
        _take_origin(op, marker)
        block.insert_op_before(op, marker)

    with inserting(insert):
        terms = marker.addends
        if all(isinstance(t.type, SlicesType) for t in terms):
            total = ConcatSlices.of(*terms)
        else:
            dense = [Densify.of(t) if isinstance(t.type, SlicesType) else t for t in terms]
            if isinstance(dense[0].type, StackType):
                total = AddN.of(*dense)
            else:
                total = _by_device(dense, METHODS[method], marker)
    marker.results[0].replace_all_uses_with(total.value)
    marker.detach()
    marker.erase()


def _take_origin(op: Operation, marker: Operation) -> None:
    op.location = marker.location
    if (device := marker.attributes.get(DEVICE)) is not None:
        op.attributes.setdefault(DEVICE, device)


def _by_device(terms: Sequence[Tensor], method: Method, marker: SumGradients) -> Tensor:
    """Terms on different devices are summed on each device first, in the order of the devices' names."""
    groups: dict[str, list[Tensor]] = {}
    for term in terms:
        groups.setdefault(_device(term), []).append(term)
    if len(groups) < 2:
        return method(terms, marker)
    partial: list[Tensor] = []
    for name in sorted(groups):
        group = groups[name]
        total = method(group, marker) if len(group) > 1 else group[0]
        if len(group) > 1 and name:
            total.op.attributes[DEVICE] = group[0].op.attributes[DEVICE]
        partial.append(total)
    return method(partial, marker)


def _device(term: Tensor) -> str:
    """The device of a term, by one name whatever was written; what is no device stays as it is until it is placed."""
    owner = term.value.owner
    device: Attribute | None = owner.attributes.get(DEVICE) if isinstance(owner, Operation) else None
    if not isinstance(device, StringAttr):
        return "" if device is None else str(device)
    try:
        return parse_device(device.data)
    except ValueError:
        return device.data


# ---- methods -----------------------------------------------------------------------------------------------

Method = Callable[[Sequence[Tensor], SumGradients], Tensor]


def add_n(terms: Sequence[Tensor], marker: SumGradients) -> Tensor:
    """All at once."""
    return AddN.of(*terms)


def tree(terms: Sequence[Tensor], marker: SumGradients) -> Tensor:
    """A left fold of binary additions, each right after its second input."""
    total, *rest = terms
    for term in rest:
        total = _early(Add, total, term, marker)
    return total


def accumulate_n(terms: Sequence[Tensor], marker: SumGradients) -> Tensor:
    """One buffer, begun by the first two terms; each further term is added right after it is computed."""
    first, second, *rest = terms
    total = _early(Add, first, second, marker)
    for term in rest:
        total = _early(Accumulate, total, term, marker)
    return total


def balanced(terms: Sequence[Tensor], marker: SumGradients) -> Tensor:
    """Neighbours first, then their sums: depth log2(n), and rounding errors that grow no faster."""
    level = list(terms)
    while len(level) > 1:
        pairs = [plus(Add, a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, *level[2 * len(pairs) :]]
    return level[0]


METHODS: dict[Aggregation, Method] = {
    Aggregation.ADD_N: add_n,
    Aggregation.TREE: tree,
    Aggregation.ACCUMULATE_N: accumulate_n,
    Aggregation.BALANCED: balanced,
}


def plus(kind: type[Add] | type[Accumulate], a: Tensor, b: Tensor) -> Tensor:
    """`kind(a, b)` of two terms of one shape: its extents are known where those of either are, whatever the method."""
    return kind.emit_as([a.value, b.value], tensor_type(a.element_type, known_extents([a.type, b.type])))


def _early(kind: type[Add] | type[Accumulate], total: Tensor, term: Tensor, marker: SumGradients) -> Tensor:
    """`kind(total, term)` as early as both are there, so that the term can be freed."""
    made = plus(kind, total, term)
    block = marker.parent
    assert block is not None
    owners = [v.owner for v in (total.value, term.value) if isinstance(v, OpResult)]
    own = {o for o in owners if o.parent is block}
    if not own:
        return made
    before = marker.prev_op
    while before is not None and (before not in own or before is made.op):
        before = before.prev_op
    if before is not None:
        op = made.op
        op.detach()
        block.insert_op_after(op, before)
    return made
