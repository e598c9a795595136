"""A kind of kernels: each point by itself, without vectors, for reading what one point does."""

from pullback.extend import Kind, Lowering, NotYet, Order, at_its_index


def lower_one_by_one(kernel):
    def point(*indices):
        at = dict(zip(kernel.space.outer, indices, strict=True))
        level = kernel.root.inside(kernel.builder.insertion_point, at)
        level.store_outputs(kernel.outputs, kernel.results)
        return []

    with kernel.builder.entering(kernel.builder.block):
        loops = [(0, kernel.space.extents[dim], 1) for dim in kernel.space.outer]
        kernel.builder.parallel(loops, [f"i{dim}" for dim in kernel.space.outer], point)


TARGETS = {"cpu": Lowering(lower_one_by_one), "gpu": NotYet("a thread for each point is what pointwise does")}
ONE_BY_ONE = Kind("one_by_one", Order.PARALLEL_FIRST, at_its_index, TARGETS, meaning="each point by itself")
