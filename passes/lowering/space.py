"""The iteration space of a kernel: its loops, and the dims that index the axes of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Block, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.op.affine import Affine, Position, delinearize, linear
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.kernel_kind import Order
from pullback.passes.lowering.kinds import TABLE


def schedule_of(kernel: Kernel) -> Schedule:
    """The schedule of a kernel that was checked: it has one."""
    assert kernel.schedule is not None
    return kernel.schedule.data


@dataclass(frozen=True)
class Space:
    """The dims of a kernel's loops: those of P, then those of R.

    The axes of a value that fills the whole space run along P and then R (rows), or R and then P (columns).
    Pieces of an output that are computed in loops of their own add the dims of `pieces`.
    """

    kernel: Kernel
    parallel: tuple[int, ...]
    reduce: tuple[int, ...]
    reduces_leading: bool = False
    pieces: tuple[int, ...] = ()
    is_in_pieces: bool = False
    """Whether every output has loops of its own, as those of scatter and concat kernels do."""

    @staticmethod
    def of(kernel: Kernel, schedule: Schedule) -> Space:
        """The space that a schedule names."""
        order = TABLE[schedule.kind].order
        if order is Order.IN_PIECES:
            return Space(kernel, (), (), is_in_pieces=True)
        return Space(kernel, schedule.parallel, schedule.reduce, order is Order.REDUCED_FIRST)

    @property
    def extents(self) -> tuple[int, ...]:
        return (*self.parallel, *self.reduce, *self.pieces)

    @property
    def rank(self) -> int:
        return len(self.extents)

    @property
    def outer(self) -> tuple[int, ...]:
        """The dims of P."""
        return tuple(range(len(self.parallel)))

    @property
    def inner(self) -> tuple[int, ...]:
        """The dims of R."""
        return tuple(range(len(self.parallel), len(self.parallel) + len(self.reduce)))

    @property
    def extra(self) -> tuple[int, ...]:
        """The dims of the pieces."""
        return tuple(range(self.rank - len(self.pieces), self.rank))

    @property
    def whole(self) -> tuple[int, ...]:
        """The dims of the axes of a value that fills the space."""
        return (*self.inner, *self.outer) if self.reduces_leading else (*self.outer, *self.inner)

    def dim(self, dim: int) -> Affine:
        """The coordinate along a dim."""
        return Affine.number(self.rank) if self.extents[dim] == 1 else Affine.dim(self.rank, dim)

    def number(self, value: int = 0) -> Affine:
        return Affine.number(self.rank, value)

    def output_position(self, value: SSAValue) -> Position:
        """The position of the loops in a value: along all, those of P, or those of R, if it is a total over P.

        Where loops of P and R have the same extents, what a value is made of tells which of them it runs along.
        """
        shape = shape_of_type(value.type)
        for dims in (self.whole, self.outer, self.inner, ()):
            if dims == self.outer and self._along(shape, self.inner) is not None and self._is_late(value):
                continue
            along = self._along(shape, dims)
            if along is not None:
                return tuple(self.dim(along[a]) if a in along else self.number() for a in range(len(shape)))
        for dims in (self.whole, self.outer):
            position = tuple(self.dim(d) for d in dims)
            found = delinearize(
                linear(position, [self.extents[d] for d in dims], self.rank), shape, self.extents
            )
            if found is not None:
                return found
        raise self._misfit(f"{value.type} does")

    def _is_late(self, value: SSAValue) -> bool:
        """Tells whether a value is made of a reduction over loops of P, which is known when these are over."""
        outer, seen, pending = set(self.outer), {value}, [value]
        while pending:
            op = pending.pop().owner
            if isinstance(op, Reduction):
                dims = self.reduced_dims(op.iteration_shape(), op.reduced)
                if outer & set(dims.values()):
                    return True
            operands = [] if isinstance(op, Block) else [o for o in op.operands if o not in seen]
            seen.update(operands)
            pending += operands
        return False

    def reduced_dims(self, shape: Sequence[int], axes: Sequence[int]) -> dict[int, int]:
        """The dim along which each of these axes of a value is reduced; extents of 1 need none."""
        for dims in (self.whole, self.outer):
            along = self._along(shape, dims)
            if along is not None:
                return {axis: along[axis] for axis in axes if axis in along}
        long = [axis for axis in axes if shape[axis] != 1]
        for dims in (self.inner, self.whole, self.outer):
            along = self._along([shape[a] for a in long], dims)
            if along is not None:
                return {axis: along[i] for i, axis in enumerate(long)}
        raise self._misfit(f"a reduction over extents {[shape[a] for a in axes]} does")

    def _along(self, shape: Sequence[int], dims: Sequence[int]) -> dict[int, int] | None:
        """The dim of each axis, if the axes run along these dims in order; extents of 1 do not count."""
        axes = [axis for axis, n in enumerate(shape) if n != 1]
        long = [d for d in dims if self.extents[d] != 1]
        if [shape[a] for a in axes] != [self.extents[d] for d in long]:
            return None
        return dict(zip(axes, long, strict=True))

    def _misfit(self, what: str) -> DiagnosticError:
        return DiagnosticError(
            f"{what} not fit the loops of the kernel: parallel {list(self.parallel)}, "
            f"reduce {list(self.reduce)}",
            self.kernel,
        )

    def piece(self, first: int, shape: Sequence[int]) -> Position:
        """The position in a piece whose dims begin at this one of `extra`."""
        dims = self.extra[first : first + len(shape)]
        return tuple(self.dim(d) for d in dims)
