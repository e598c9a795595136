"""From groups to `graph.kernel`: what each kernel is given, computes and yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.ir import Block, Operation, Region, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.kernel.access import operand_axes
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.control_flow import Yield
from pullback.passes.kernels.form.choose_schedule import schedule_of
from pullback.passes.kernels.form.grouping import Scope
from pullback.passes.kernels.form.groups import Group


@dataclass(eq=False)
class Contents:
    """A kernel before it is built: operations in order, and values from outside in the order of their use."""

    ops: list[Operation]
    inputs: list[SSAValue]
    outputs: list[SSAValue]


class Cones:
    """Which operations a group takes to compute some of its values."""

    def __init__(self, scope: Scope, repeats: Mapping[Group, set[SSAValue]]) -> None:
        self._scope = scope
        self._repeats = repeats

    def of(self, group: Group, outputs: list[SSAValue]) -> Contents:
        """The operations of the group, and those that are deferred, that `outputs` depend on."""
        given: set[SSAValue] = set()
        while True:
            found, reads = self._walk(group, outputs, given)
            ops = sorted(found, key=self._scope.order.__getitem__)
            inputs = dict.fromkeys(value for op in ops for value in reads.get(op, ()))
            # What one operation must take from memory, no other needs to compute again.
            twice = {value for value in inputs if value.owner in found} - given
            if not twice:
                return Contents(ops, list(inputs), outputs)
            given |= twice

    def _walk(
        self, group: Group, outputs: list[SSAValue], given: set[SSAValue]
    ) -> tuple[set[Operation], dict[Operation, list[SSAValue]]]:
        """The operations, and what each of them takes from memory; `given` is there already."""
        found: set[Operation] = set()
        reads: dict[Operation, list[SSAValue]] = {}
        pending = [v.owner for v in outputs]
        while pending:
            op = pending.pop()
            assert isinstance(op, Operation)
            if op in found:
                continue
            found.add(op)
            for number, operand in enumerate(op.operands):
                if operand not in given and self._is_inside(group, op, number):
                    pending.append(operand.owner)
                else:
                    reads.setdefault(op, []).append(operand)
        return found, reads

    def _is_inside(self, group: Group, user: Operation, number: int) -> bool:
        """Whether the kernel computes this operand itself."""
        value = user.operands[number]
        if value in self._repeats.get(group, ()):
            return True
        deferred = self._scope.deferred
        is_access = operand_axes(user, number) is None or group.kind == "scatter"
        may_repeat = value in deferred and (isinstance(value.owner, MakeSlices) or not is_access)
        home = self._scope.homes.get(value)
        if home is None or home.root() is group:
            return home is not None or may_repeat
        # What is deferred may have been stored after all, for others that need it in memory.
        is_stored_before = home.root().position < group.position
        return may_repeat and (deferred.is_constant(value) or not is_stored_before)


def build_kernel(
    group: Group, contents: Contents, values: dict[SSAValue, SSAValue], vector_bits: int
) -> Kernel:
    """The kernel of a group; `values` gives what stands now for values of the program, and learns its results."""
    inputs = [values.get(v, v) for v in contents.inputs]
    block = Block(arg_types=[v.type for v in inputs])
    inside: dict[SSAValue, SSAValue] = {}
    for old, new in zip(contents.inputs, block.args, strict=True):
        inside[old] = new
        new.name_hint = old.name_hint
    for op in contents.ops:
        block.add_op(op.clone(inside))
    block.add_op(Yield.create(operands=[inside[v] for v in contents.outputs]))
    kernel = Kernel.create(
        operands=inputs,
        result_types=[v.type for v in contents.outputs],
        properties={"schedule": schedule_of(group, block, vector_bits)},
        regions=[Region(block)],
    )
    for old, new in zip(contents.outputs, kernel.results, strict=True):
        values[old] = new
        new.name_hint = old.name_hint
    return kernel
