"""Native support: which operations and dtypes a target's kernels compute, and marks on those that they do not.

With `dtypes=f32,i32` (`%x : tensor<4xf64>`):

    %y = graph.tanh %x : tensor<4xf64>          ->     %y = graph.tanh %x {host} : tensor<4xf64>

A mark is text, like all that later passes go by: `plan-memory` and lowerings need not know the target. What a program
for GPUs puts on the host's device is compiled for the CPU, whose kernels compute everything that any kernels do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute, Operation

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.op.indexed import Alias
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.types import SlicesType, dtype_name, element_type_of
from pullback.passes.lowering.support import HOST, KERNEL_DTYPES, has_kernel_dtypes, runs_natively


@dataclass(frozen=True)
class NativeSupport:
    """What kernels of a target compute: operations of these dtypes, other than those that are for the host."""

    dtypes: frozenset[Attribute]
    host_ops: frozenset[str]
    elsewhere: str | None = None
    """The device in the program whose kernels are those of another target, and compute all that any do."""

    @staticmethod
    def of(
        dtypes: Sequence[str] | None, host_ops: Sequence[str], elsewhere: str | None = None
    ) -> NativeSupport:
        """Reads the options of `form-kernels`.

        Raises:
            ValueError: for a dtype that no kernels have, or an unknown operation.
        """
        known = {dtype_name(type_): type_ for type_ in KERNEL_DTYPES}
        for name in dtypes or ():
            if name not in known:
                raise ValueError(f"dtypes has {name}; expected some of {', '.join(known)}")
        for name in host_ops:
            if name not in OPS:
                raise ValueError(f'host-ops has {name}; expected operations, as in host-ops="graph.tanh"')
        chosen = KERNEL_DTYPES if dtypes is None else [known[name] for name in dtypes]
        return NativeSupport(frozenset(chosen), frozenset(host_ops), elsewhere)

    @property
    def is_full(self) -> bool:
        """Whether all that any kernels compute is computed in kernels."""
        return not self.host_ops and len(self.dtypes) == len(KERNEL_DTYPES)

    def mark(self, ops: Iterable[Operation]) -> None:
        """Marks for the host those of the operations that only other targets compute in kernels."""
        if self.is_full:
            return
        for op in ops:
            if _may_be_native(op) and not (self._is_elsewhere(op) or self._includes(op)):
                op.attributes[HOST] = UnitAttr()

    def _is_elsewhere(self, op: Operation) -> bool:
        return self.elsewhere is not None and device_of_op(op) == self.elsewhere

    def _includes(self, op: Operation) -> bool:
        if op.name in self.host_ops:
            return False
        values = (*op.operands, *op.results)
        return all(type_ in self.dtypes for value in values for type_ in _element_types(value.type))


def _may_be_native(op: Operation) -> bool:
    """Tells whether some kernels compute an operation, or its decomposition, and it does not only name a buffer."""
    if isinstance(op, Alias | MakeSlices):
        return False
    return runs_natively(op) or (isinstance(op, Composite) and has_kernel_dtypes(op))


def _element_types(type_: Attribute) -> list[Attribute]:
    """The element types of a tensor, or of the rows and indices of slices."""
    if isinstance(type_, SlicesType):
        return [element_type_of(type_.values_type), element_type_of(type_.indices_type)]
    return [element_type_of(type_)]
