"""The order of scattered rows: their numbers sorted by the index that they name, those of one index as they came.

Row number `i` of `n`, that names the index `r`, has the key `r * n + i`; one out of range, that of an index behind all
others. Keys differ, so any sort of them is one order. Of 1000 rows, in blocks of 256 threads:

    @k_order(%t, %keys)              each block sorts a run of 256 keys in shared memory: a key's place is the number of
                                     smaller ones
    @k_order_1(%keys, %sorted)       four runs become one: a key's place is the sum of its places in the four of them,
                                     which are found by bisection

No block waits for another, and each key is stored once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import memref
from xdsl.dialects.builtin import IntegerType, i32, i64
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, emit
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.gpu import BarrierOp, BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.scatter.scattered_rows import ScatteredRows, is_below, thread_each, threads_of
from pullback.passes.lowering.buffer_view import index_of, is_in_range
from pullback.passes.lowering.code_builder import result_of

WAYS = 4
"""The runs that are merged at once: each merge reads and writes all keys."""


@dataclass(frozen=True)
class SortedRows:
    """The keys of rows, sorted, in the buffer of a parameter."""

    rows: ScatteredRows
    keys: int

    def key(self, builder: KernelBuilder, place: SSAValue) -> Scalar:
        """The key at a place of the order."""
        return builder.views[self.keys].load(builder, [(place, 1)], 0)

    def index(self, key: Scalar) -> Scalar:
        """The index that a row names; `rows` of the output, where it is out of range."""
        return emit("arith.divui", key.type, key, key.like(self.rows.count))

    def number(self, key: Scalar) -> SSAValue:
        """The number of a row among those that are scattered."""
        return index_of(emit("arith.remui", key.type, key, key.like(self.rows.count)))


def key_type(rows: ScatteredRows) -> IntegerType:
    """The integers that hold every key, and one beyond."""
    return i32 if (rows.output.rows + 2) * rows.count < 1 << 31 else i64


def sorted_rows(parameters: Parameters, rows: ScatteredRows, name: str) -> tuple[list[GpuKernel], SortedRows]:
    """The kernels that sort the keys of rows, and where they are then."""
    type_ = key_type(rows)
    keys, run = parameters.scratch(type_, rows.count), threads_of(parameters)
    kernels, other = [sort_runs(parameters, rows, f"{name}_order", keys)], None
    while run < rows.count:
        source, keys = keys, parameters.scratch(type_, rows.count) if other is None else other
        other = source
        merged = f"{name}_order_{len(kernels)}"
        kernels.append(merge_runs(parameters, rows.count, merged, source, keys, run))
        run *= WAYS
    return kernels, SortedRows(rows, keys)


# ---- runs of one block ----------------------------------------------------------------------------------------


def sort_runs(parameters: Parameters, rows: ScatteredRows, name: str, keys: int) -> GpuKernel:
    """A kernel that makes the keys, a thread for each, and sorts those of each block."""
    builder, count = KernelBuilder(name, parameters.all(), threads_of(parameters)), rows.count
    with builder.entering(builder.block):
        block, thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        first = builder.product(block, builder.threads, "first")
        number = builder.sum_of([(first, 1), (thread, 1)], 0, "number")
        exists = is_below(number, builder.index(count))
        shared = builder.allocate_shared(builder.threads, key_type(rows))
        run = result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), "run")
        key = made_key(builder, rows, number, exists)
        insert(memref.StoreOp.get(key.value, run, [thread]))
        insert(BarrierOp())
        place = smaller_in(builder, run, min(builder.threads, count), key)

        def put() -> None:
            builder.views[keys].store(builder, key, [(first, 1), (place, 1)], 0)

        builder.when(exists, put)
    return builder.finish(-(-count // builder.threads))


def made_key(builder: KernelBuilder, rows: ScatteredRows, number: SSAValue, exists: SSAValue) -> Scalar:
    """The key of a row; behind all keys where there is no such row."""
    type_, none = key_type(rows), rows.output.rows
    safe = select(Scalar(exists), Scalar(number), Scalar(builder.index(0))).value
    (index,) = rows.point(builder, safe).values([rows.index])
    inside = is_in_range(index, none)
    named = select(inside, index.cast(type_), none)
    key = named * rows.count + Scalar(index_as(builder, safe, type_))
    return select(Scalar(exists), key, builder.number((none + 1) * rows.count, type_))


def index_as(builder: KernelBuilder, index: SSAValue, type_: IntegerType) -> SSAValue:
    """An index as a number of a type that holds it."""
    return emit("arith.index_cast", type_, Scalar(index)).value


def smaller_in(builder: KernelBuilder, run: SSAValue, size: int, key: Scalar) -> SSAValue:
    """How many of the first keys of a run in shared memory are smaller than one of them."""

    def count(at: SSAValue, carried: Sequence[Scalar]) -> list[Scalar]:
        (smaller,) = carried
        other = Scalar(result_of(memref.LoadOp.get(run, [at]), "other"))
        return [select(other < key, Scalar(builder.sum_of([(smaller.value, 1)], 1, "more")), smaller)]

    zero = Scalar(builder.index(0))
    bounds = builder.index(0), builder.index(size), builder.index(1)
    (place,) = builder.carrying(bounds, "k", [("smaller", zero)], count)
    return place.value


# ---- merging --------------------------------------------------------------------------------------------------


def merge_runs(
    parameters: Parameters, count: int, name: str, source: int, target: int, run: int
) -> GpuKernel:
    """A kernel that makes one run of `WAYS` neighbouring ones, a thread for each key."""

    def body(builder: KernelBuilder, at: SSAValue) -> None:
        keys = builder.views[source]
        key = keys.load(builder, [(at, 1)], 0)
        first = builder.product(builder.quotient(at, run * WAYS), run * WAYS, "first")

        def add(way: SSAValue, carried: Sequence[Scalar]) -> list[Scalar]:
            begin = builder.sum_of([(first, 1), (way, run)], 0, "begin")
            smaller = smaller_from(builder, source, count, begin, run, key)
            return [Scalar(builder.sum_of([(carried[0].value, 1), (smaller.value, 1)], 0))]

        bounds = builder.index(0), builder.index(WAYS), builder.index(1)
        (place,) = builder.carrying(bounds, "way", [("place", Scalar(builder.index(0)))], add)
        builder.views[target].store(builder, key, [(first, 1), (place.value, 1)], 0)

    return thread_each(name, parameters, count, body)


def smaller_from(
    builder: KernelBuilder, source: int, count: int, begin: SSAValue, run: int, key: Scalar
) -> Scalar:
    """How many keys of a run are smaller than a key, by bisection; the last run may be shorter than `run`."""
    keys, found, reach = builder.views[source], Scalar(builder.index(0)), run
    while reach:  # in straight code, where 32 bits are seen to be enough for each index
        probe = builder.sum_of([(found.value, 1)], reach - 1, "probe")
        at = builder.sum_of([(begin, 1), (probe, 1)], 0)
        exists = Scalar(is_below(probe, builder.index(run))) & Scalar(is_below(at, builder.index(count)))
        safe = select(exists, Scalar(at), Scalar(builder.index(0))).value
        is_smaller = exists & (keys.load(builder, [(safe, 1)], 0) < key)
        found = select(is_smaller, Scalar(builder.sum_of([(probe, 1)], 1, "more")), found)
        reach //= 2
    return found
