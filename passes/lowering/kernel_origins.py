"""Origins of kernels: which operations of the program the code of a kernel, and each part of it, computes.

Code that equal kernels share serves the operations of each: the function says which, a line in it how many others.

    func.func private @main_kernel_0(…) {
      …
      %t = math.tanh %at loc(fused["layer0/t", "and 2 more"])
      …
    } loc(fused["layer0/matmul", "layer0/t", "layer1/matmul", "layer1/t", "layer2/matmul", "layer2/t"])
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Operation

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.indexed import Uniform
from pullback.dialects.graph.tensor.location import is_unknown, name_in
from pullback.dialects.graph.tensor.origins import fuse
from pullback.passes.lowering.structure import in_order_of_need


def origin_of_kernels(kernels: Sequence[Kernel]) -> LocationAttr:
    """The location of code that runs these kernels: their operations, apart from the constants that these use."""
    return fuse(
        op.location for kernel in kernels for op in kernel.body.block.ops if not isinstance(op, Uniform)
    )


def share_origins(kernels: Sequence[Kernel]) -> None:
    """Gives the operations of the first of equal kernels, which is lowered for all, the origins of the others."""
    if len(kernels) == 1:
        return
    for first, *others in zip(*(in_order_of_need(kernel.body.block) for kernel in kernels), strict=True):
        first.location = fuse([first.location, *(op.location for op in others)], most=1)


def origin_of(op: Operation) -> LocationAttr:
    """The location of what the host does for an operation of level `kernels`."""
    if not isinstance(op, Kernel) or name_in(op.location) is not None:
        return op.location
    inside = origin_of_kernels([op])
    return op.location if is_unknown(inside) else inside
