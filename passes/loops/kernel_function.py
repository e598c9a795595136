"""A kernel as a function of level `loops`: its loops, its buffers, and what it computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.op.affine import Affine, mergeable
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.passes.loops.element_access import Buffer
from pullback.passes.loops.loop_level import Level
from pullback.passes.loops.vectors import lane_count
from pullback.passes.lowering.buffers import Buffers
from pullback.passes.lowering.function_builder import FunctionBuilder, named
from pullback.passes.lowering.layout import Access, Layout, layout_of, memref_type
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.nodes import Contraction, Load, OneHot, Output, Reduce, cone
from pullback.passes.lowering.outputs import outputs_of
from pullback.passes.lowering.places import ARENA_ALIGNMENT, SCRATCH, Place
from pullback.passes.lowering.space import Space


@dataclass(frozen=True)
class Lowered:
    """A kernel function, and for each argument which buffer it is, seen as which memref."""

    function: func.FuncOp
    arguments: list[tuple[Place, MemRefType]]

    @property
    def scratch_bytes(self) -> int:
        """Memory that the function needs for itself."""
        return _scratch_bytes(self.arguments)

    def call(self, buffers: Buffers) -> None:
        """Inserts the call."""
        arguments = [buffers.view(place, type_) for place, type_ in self.arguments]
        insert(func.CallOp(self.function.sym_name.data, arguments, []))


@dataclass(frozen=True)
class Signature:
    """What a kernel function is given: a name, and a buffer for every operand and every result.

    Operands and results with equal keys share a buffer.
    """

    kernel: Kernel
    name: str
    inputs: Sequence[Place]
    outputs: Sequence[Place]


class KernelFunction:
    """The state of lowering one kernel whose loops run over its space."""

    def __init__(self, signature: Signature, schedule: Schedule, vector_bits: int) -> None:
        self.signature = signature
        self.schedule = schedule
        self.vector_bits = vector_bits
        space = Space.of(signature.kernel, schedule)
        space, self.outputs = outputs_of(space)
        self.nodes = cone([node for o in self.outputs for node in o.nodes])
        self.space = self._merge_batch(space) if schedule.kind == "matmul" else self._merge(space)
        self._declare()

    @property
    def loads(self) -> list[Load]:
        return [node for node in self.nodes if isinstance(node, Load)]

    def lanes_along(self, dim: int) -> int:
        """How many lanes the vectors along a dim have: `vector` of the schedule or what fits, if the extent does."""
        types = [n.element_type for n in self.nodes if dim in n.dims]
        types += [o.node.element_type for o in self.outputs if dim in o.offset.dims]
        count = self.schedule.cpu.vector or lane_count(self.vector_bits, types)
        while count > 1 and count // 2 >= self.space.extents[dim]:
            count //= 2
        return count

    def is_loaded(self, output: Output) -> bool:
        """Whether the buffer of an output is read, too."""
        key = self.signature.outputs[output.result]
        return any(self.signature.inputs[load.argument] == key for load in self.loads)

    # ---- fewer loops ------------------------------------------------------------------------------------

    def _merge(self, space: Space) -> Space:
        """Joins neighbouring loops that every access runs through as through one, and drops those of extent 1."""
        offsets = self._offsets()
        groups: list[list[int]] = []
        bounds: list[int] = [0]
        for dims in (space.outer, space.inner, space.extra):
            start = len(groups)
            for dim in dims:
                if space.extents[dim] == 1:
                    continue
                if len(groups) > start and mergeable(offsets, groups[-1][-1], space.extents, dim):
                    groups[-1].append(dim)
                else:
                    groups.append([dim])
            bounds.append(len(groups))
        self._renumber(groups)
        extents = [_product(space.extents, group) for group in groups]
        parallel, reduce, pieces = (tuple(extents[a:b]) for a, b in pairwise(bounds))
        return replace(space, parallel=parallel, reduce=reduce, pieces=pieces)

    def _merge_batch(self, space: Space) -> Space:
        """Joins the loops over the matrices of a batch with each other, and with the rows, as far as that goes.

        A product's blocks need its rows, its columns and what is summed over apart.
        """
        offsets = self._offsets()
        *batch, rows, columns = space.outer
        groups: list[list[int]] = []
        for dim in (*(d for d in batch if space.extents[d] != 1), rows):
            if groups and mergeable(offsets, groups[-1][-1], space.extents, dim):
                groups[-1].append(dim)
            else:
                groups.append([dim])
        if len(groups) > 1 and space.extents[rows] == 1 and not self._second_factor_dims() & {*groups[-2]}:
            groups.pop()  # one row of each matrix: the matrices are the rows
        groups += [[columns], *([dim] for dim in space.inner)]
        self._renumber(groups)
        *parallel, reduce = (_product(space.extents, group) for group in groups)
        return replace(space, parallel=tuple(parallel), reduce=(reduce,))

    def _second_factor_dims(self) -> frozenset[int]:
        """The loops that the second factor of a product changes with."""
        factors = (n.operands[1] for n in self.nodes if isinstance(n, Contraction))
        return frozenset().union(*(factor.dims for factor in factors))

    def _offsets(self) -> list[Affine]:
        """All that is counted along loops."""
        offsets = [*(o.offset for o in self.outputs), *(load.offset for load in self.loads)]
        offsets += [o.number for o in self.outputs if o.number is not None]
        offsets += [n.column for n in self.nodes if isinstance(n, OneHot)]
        return offsets

    def _renumber(self, groups: list[list[int]]) -> None:
        number = {dim: new for new, group in enumerate(groups) for dim in group}

        def affine(old: Affine) -> Affine:
            return Affine(tuple(old.coefficients[group[-1]] for group in groups), old.constant)

        def dims(old: frozenset[int]) -> frozenset[int]:
            return frozenset(number[d] for d in old if d in number)

        for node in self.nodes:
            node.dims = dims(node.dims)
            if isinstance(node, Load):
                node.offset = affine(node.offset)
            elif isinstance(node, OneHot):
                node.column = affine(node.column)
            elif isinstance(node, Reduce):
                node.over = dims(node.over)
        for output in self.outputs:
            output.offset = affine(output.offset)
            if output.number is not None:
                output.number = affine(output.number)

    # ---- arguments --------------------------------------------------------------------------------------

    def _declare(self) -> None:
        """One memref argument for each distinct buffer that the loops touch."""
        accesses: dict[Place, list[Access]] = {}
        types: dict[Place, Attribute] = {}
        hints: dict[Place, str] = {}
        operands, results = self.signature.kernel.operands, self.signature.kernel.results
        for load in self.loads:
            key = self.signature.inputs[load.argument]
            accesses.setdefault(key, []).append(Access(load.offset, load.rows, load.row_stride))
            types[key] = operands[load.argument].type
            hints.setdefault(key, operands[load.argument].name_hint or f"input{load.argument}")
        for output in self.outputs:
            key = self.signature.outputs[output.result]
            accesses.setdefault(key, []).append(Access(output.offset, output.rows, output.row_stride))
            types[key] = results[output.result].type
            hints.setdefault(key, results[output.result].name_hint or f"output{output.result}")
        layouts = {
            key: layout_of(element_count(types[key]), listed, self.space.extents)
            for key, listed in accesses.items()
        }
        memrefs = [memref_type(layouts[key].shape, element_type_of(types[key])) for key in accesses]
        self.arguments = list(zip(accesses, memrefs, strict=True))
        self.builder = FunctionBuilder(self.signature.name, memrefs, private=True)
        for argument, key in zip(self.builder.block.args, accesses, strict=True):
            named(argument, hints[key])
        values = dict(zip(accesses, self.builder.block.args, strict=True))

        def buffer(key: Place, type_: Attribute) -> Buffer:
            layout = layouts.get(key, Layout((0,), (1,)))
            return Buffer(values.get(key, self.builder.block.args[0]), layout, element_type_of(type_))

        self.inputs = [buffer(k, v.type) for k, v in zip(self.signature.inputs, operands, strict=True)]
        self.results = [buffer(k, v.type) for k, v in zip(self.signature.outputs, results, strict=True)]
        self.root = Level(self.builder, self.inputs, None, self.builder.block.add_op, {})

    def add_argument(self, key: Place, type_: MemRefType) -> SSAValue:
        """One more buffer for the function to be given."""
        self.arguments.append((key, type_))
        return self.builder.add_argument(type_)

    def add_scratch(self, layout: Layout, element_type: Attribute) -> Buffer:
        """A buffer of the function's own, of this layout."""
        end = -(-_scratch_bytes(self.arguments) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        argument = self.add_argument((SCRATCH[0], end), memref_type(layout.shape, element_type))
        return Buffer(named(argument, "so_far"), layout, element_type)

    def finish(self) -> Lowered:
        return Lowered(self.builder.finish(), self.arguments)


def _scratch_bytes(arguments: Sequence[tuple[Place, MemRefType]]) -> int:
    """Where scratch memory ends."""
    return max(
        (int(at) + bytes_of(type_) for (kind, at), type_ in arguments if kind == SCRATCH[0]), default=0
    )


def element_count(type_: Attribute) -> int:
    """The number of elements of a tensor type of static shape."""
    return _product(shape_of_type(type_), range(len(shape_of_type(type_))))


def _product(extents: Sequence[int], dims: Sequence[int]) -> int:
    result = 1
    for dim in dims:
        result *= extents[dim]
    return result
