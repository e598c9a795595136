"""Matrix products: a thread for each element of the result, which runs along K.

Long sums are formed in blocks, whose sums are added up in higher precision, as on CPUs.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT, TOTALS
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.gpu.pointwise import lower_pointwise, pointwise
from pullback.passes.lowering.nodes import Contraction, Output, cone
from pullback.passes.lowering.space import Space


def lower_matmul(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """One kernel for the product and what is made of it, others for outputs that run along fewer dims."""
    (product,) = (n for n in cone([o.node for o in outputs]) if isinstance(n, Contraction))
    result = [d for d in space.outer if space.extents[d] != 1]
    whole = [o for o in outputs if o.offset.dims >= set(result)]

    def body(point: Point) -> None:
        point.known[product] = _along_k(point, product, space)
        point.store_outputs(whole, point.inputs)

    kernel = pointwise(parameters.signature.name, parameters.all(), space.parallel, body, parameters.threads)
    return [kernel, *lower_pointwise(parameters, space, [o for o in outputs if o not in whole], "_once")]


def _along_k(point: Point, product: Contraction, space: Space) -> Scalar:
    """The sum along K at a point of the result."""
    build, (k,) = point.builder, space.reduce
    assert isinstance(build, KernelBuilder)
    element_type = product.element_type

    def step(number: SSAValue, sums: Sequence[Scalar]) -> list[Scalar]:
        inner = Point(build, [*point.segments, Segment(Dims(len(space.parallel), (k,)), number)], point)
        a, b = inner.values(product.operands)
        return [sums[0] + a * b]

    zero = build.number(0, element_type)
    wide = TOTALS.get(element_type)
    if k < 2 * LONG_PRODUCT or wide is None:
        bounds = build.index(0), build.index(k), build.index(1)
        return build.carrying(bounds, "k", [("sum", zero)], step)[0]

    def block(start: SSAValue, so_far: Sequence[Scalar]) -> list[Scalar]:
        end = build.sum_of([(start, 1)], LONG_PRODUCT, "end")
        (found,) = build.carrying((start, end, build.index(1)), "k", [("sum", zero)], step)
        return [so_far[0] + found.cast(wide)]

    blocks = build.index(k // LONG_PRODUCT * LONG_PRODUCT)
    bounds = build.index(0), blocks, build.index(LONG_PRODUCT)
    (total,) = build.carrying(bounds, "block", [("so_far", build.number(0, wide))], block)
    if k % LONG_PRODUCT:
        (rest,) = build.carrying((blocks, build.index(k), build.index(1)), "k", [("sum", zero)], step)
        total = total + rest.cast(wide)
    return total.cast(element_type)
