"""What a kind of kernel states: the loops that its operations ask for, and how each target lowers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.along_axes.scans import Scan
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.op.indexed import Concatenation, ContractionOp
from pullback.dialects.graph.tensor.types import shape_of_type

Extents: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""The extents of P (parallel dims), and those of R (reduced dims)."""
Reference: TypeAlias = str | Callable[..., Any]
"""A function, or where it is: `"module:name"`."""
InPlace: TypeAlias = str | Callable[[Schedule, SSAValue, SSAValue], bool]
"""A rule of `in_place`, or where one is."""


class Order(Enum):
    """Along which dims the axes of a value run that fills the whole iteration space."""

    PARALLEL_FIRST = auto()
    """P, then R, row-major."""
    REDUCED_FIRST = auto()
    """R, then P, row-major."""
    IN_PIECES = auto()
    """Each output has loops of its own, of its shape."""


@dataclass(frozen=True)
class Lowering:
    """The lowering of kernels of a kind for one target."""

    lower: Reference
    """The function that builds the code."""
    check: Reference | None = None
    """A function that raises a `DiagnosticError` for a kernel that this target cannot lower."""
    tune: Reference | None = None
    """A function from a kernel to its schedule with all parameters that this lowering reads: those that the schedule
    leaves open become functions of shape and options, never of a device that was found."""
    keys: tuple[str, ...] = ()
    """The parameters of the target's tuning that this lowering reads; the check of schedules refuses others."""


@dataclass(frozen=True)
class NotYet:
    """Why a target has no code for kernels of a kind."""

    reason: str


@dataclass(frozen=True)
class Kind:
    """A row of the table."""

    name: str
    order: Order
    in_place: InPlace
    targets: Mapping[str, Lowering | NotYet]
    reduces: bool = False
    """Whether reductions are formed in it."""
    ops: tuple[type[Operation], ...] = ()
    """The operations, by family, that are computed in kernels of this kind alone, or of those of `also_in`."""
    extents: Callable[[Block], list[Extents]] | None = None
    """The extents that these operations ask for, any of them; `None` where the values in the region decide."""
    is_single: bool = False
    """Whether a kernel holds one of them only."""
    has_epilogue: bool = False
    """Whether elementwise operations may follow, at each element of its result."""
    has_tiles: bool = False
    """Whether CPUs keep a tile of the result in registers."""
    reads_stored: bool = False
    """Whether all that it reads is in memory: it computes nothing on the way."""
    also_in: tuple[str, ...] = ()
    """Other kinds of kernels that may hold such an operation after all others."""
    meaning: str = ""
    """What kernels of it compute, in a few words; `KINDS` has it of those that come with Pullback."""


# ---- the extents that operations ask for ------------------------------------------------------------------


def of_product(block: Block) -> list[Extents]:
    """The result's, and those that are summed over."""
    products = [op for op in block.ops if isinstance(op, ContractionOp)]
    shapes = [shape_of_type(op.results[0].type) for op in products]
    return [(shape, op.iteration_shape()[len(shape) :]) for op, shape in zip(products, shapes, strict=True)]


def of_rows(block: Block) -> list[Extents]:
    """The extents of the rows that are added or put."""
    made = (op for op in block.ops if isinstance(op, MakeSlices))
    return [(shape_of_type(op.operands[0].type), ()) for op in made]


def of_pieces(block: Block) -> list[Extents]:
    """The result's."""
    return [
        (shape_of_type(op.results[0].type), ()) for op in block.ops if isinstance(op, Concatenation | Scan)
    ]
