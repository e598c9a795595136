"""The table of kinds: what a kind of kernel is to every pass, and which functions lower it for each target.

Each row says how values fill the iteration space, which operations make a kernel one of this kind, the extents that
they ask for, when a result may be written over an operand, and for each target how it is lowered or why it is not.
Functions of the lowerings are named by module, and imported when they are first asked for: the table lies below them.

Another kind is another row: `docs/add-a-kernel-kind.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from xdsl.ir import Operation

from pullback.dialects.graph.along_axes.scans import Scan
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import KINDS, TARGETS
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.op.indexed import Concatenation, ContractionOp, Scatter
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.types import element_type_of
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.in_place import as_base, at_its_index, never, once_per_line
from pullback.passes.lowering.kernel_kind import (
    Kind,
    Lowering,
    Order,
    Reference,
    of_pieces,
    of_product,
    of_rows,
)
from pullback.process.registries import Registry, discover

# ---- the table --------------------------------------------------------------------------------------------

TABLE: Registry[Kind] = Registry("kind of kernel", "kinds")
"""The kinds by name. What text knows of them is in `KINDS`."""


def add_kind(kind: Kind, meaning: str = "", *, replace: bool = False) -> None:
    """Make a kind known, to the text of schedules as well.

    Args:
        kind: its row, with an entry for each target.
        meaning: what kernels of it compute, in a few words, unless the row says it.
        replace: whether a kind of this name that did not come with Pullback gives way.

    Raises:
        DuplicateError: there is another kind of this name.
        ValueError: a target has no entry.
    """
    if missing := TARGETS.keys() ^ kind.targets.keys():
        raise ValueError(
            f"kind '{kind.name}' needs one entry for each of {', '.join(TARGETS)}: {sorted(missing)}"
        )
    TABLE.add(kind.name, kind, replace=replace)
    KINDS.add(kind.name, meaning or kind.meaning or KINDS.registered.get(kind.name, ""), replace=True)


def remove_kind(name: str) -> None:
    """Forget a kind that was added; kernels of it that were compiled still run.

    Raises:
        ValueError: there is no such kind, or it comes with Pullback.
    """
    TABLE.remove(name)
    KINDS.remove(name)


def _row(kind: Kind) -> Kind:
    """Adds a kind that text knows already."""
    TABLE.add(kind.name, kind)
    return kind


POINTWISE = _row(
    Kind(
        "pointwise",
        Order.PARALLEL_FIRST,
        at_its_index,
        {
            "cpu": Lowering("pullback.passes.loops.pointwise:lower_pointwise"),
            "gpu": Lowering(
                "pullback.passes.gpu.pointwise:lower_by_schedule",
                "pullback.passes.gpu.check_pointwise:check_pointwise",
                "pullback.passes.gpu.pointwise_tuning:tune_pointwise",
                ("threads", "vector", "stage", "tile"),
            ),
        },
    )
)
CONCAT = _row(
    Kind(
        "concat",
        Order.IN_PIECES,
        never,
        POINTWISE.targets,
        ops=(Concatenation,),
        extents=of_pieces,
    )
)
ROWS = _row(
    Kind(
        "rows",
        Order.PARALLEL_FIRST,
        "pullback.passes.lowering.rows_where_read:in_rows",
        {
            "cpu": Lowering("pullback.passes.loops.lower_rows:lower_rows"),
            "gpu": Lowering(
                "pullback.passes.gpu.lines.lower_lines:lower_lines",
                "pullback.passes.gpu.lines.check_lines:check_lines",
                "pullback.passes.gpu.lines.line_tuning:tune_rows",
                ("threads", "vector", "lanes", "rows", "keep", "chunk", "split"),
            ),
        },
        reduces=True,
    )
)
COLUMNS = _row(
    Kind(
        "columns",
        Order.REDUCED_FIRST,
        once_per_line,
        {
            "cpu": Lowering("pullback.passes.loops.lower_columns:lower_columns"),
            "gpu": Lowering(
                "pullback.passes.gpu.lines.lower_lines:lower_lines",
                "pullback.passes.gpu.lines.check_lines:check_lines",
                "pullback.passes.gpu.lines.line_tuning:tune_columns",
                ("threads", "vector", "split"),
            ),
        },
        reduces=True,
    )
)
MATMUL = _row(
    Kind(
        "matmul",
        Order.PARALLEL_FIRST,
        at_its_index,
        {
            "cpu": Lowering("pullback.passes.loops.products.matrix_product:lower_matmul"),
            "gpu": Lowering(
                "pullback.passes.gpu.products.matrix_product:lower_matmul",
                "pullback.passes.gpu.products.product_limits:check_product",
                tune="pullback.passes.gpu.products.product_tiles:tune",
                keys=("threads", "split", "tile"),
            ),
        },
        ops=(ContractionOp,),
        extents=of_product,
        is_single=True,
        has_epilogue=True,
        has_tiles=True,
    )
)
SCATTER = _row(
    Kind(
        "scatter",
        Order.IN_PIECES,
        as_base,
        {
            "cpu": Lowering("pullback.passes.loops.scatter:lower_scatter"),
            "gpu": Lowering(
                "pullback.passes.gpu.scatter.lower_scatter:lower_scatter",
                "pullback.passes.gpu.scatter.scatter_tuning:check_scatter",
                "pullback.passes.gpu.scatter.scatter_tuning:tune_scatter",
                keys=("threads", "method", "chunk"),
            ),
        },
        ops=(Scatter,),
        extents=of_rows,
        reads_stored=True,
        also_in=("rows",),
    )
)

SCAN = _row(
    Kind(
        "scan",
        Order.IN_PIECES,
        never,
        {
            "cpu": Lowering(
                "pullback.passes.loops.scan_chunks:lower_scan",
                "pullback.passes.lowering.check_scan:check_scan",
            ),
            "gpu": Lowering(
                "pullback.passes.gpu.scan_threads:lower_scan",
                "pullback.passes.lowering.check_scan:check_scan",
            ),
        },
        ops=(Scan,),
        extents=of_pieces,
        is_single=True,
        reads_stored=True,
    )
)

TABLE.seal()

# ---- what the table says ----------------------------------------------------------------------------------


def kind_of(kernel: Kernel) -> Kind:
    """The row of a kernel that has a schedule."""
    assert kernel.schedule is not None
    kind = TABLE.get(kernel.schedule.data.kind)
    if kind is None:
        raise DiagnosticError(
            f"the kind of kernel '{kernel.schedule.data.kind}' is registered no more", kernel
        )
    return kind


def kind_of_op(op: Operation) -> Kind | None:
    """The kind of kernel that an operation needs; `None` where it shares loops with others."""
    if not OPS.is_ours(op.name):
        discover()
    kinds = TABLE.registered
    known = _OF_CLASSES.get(type(op))
    if known is None or known[0] is not kinds:
        found = next((kind for kind in kinds.values() if isinstance(op, kind.ops)), None)
        known = _OF_CLASSES[type(op)] = kinds, found
    return known[1]


_OF_CLASSES: dict[type[Operation], tuple[Mapping[str, Kind], Kind | None]] = {}
"""The kinds of kernels that classes of operations need, and the table of kinds by which that is so."""


def lowering(kind: str, target: str) -> Callable[..., Any]:
    """The function that makes code of a target from kernels of a kind that it has code for."""
    entry = TABLE[kind].targets[target]
    assert isinstance(entry, Lowering), "verify-level{level=kernels} says why there is none"
    return resolved(entry.lower)


def resolved(reference: Reference) -> Callable[..., Any]:
    """The function that a reference names."""
    return reference if callable(reference) else _named(reference)


@cache
def _named(reference: str) -> Callable[..., Any]:
    module, name = reference.split(":")
    return getattr(import_module(module), name)


def may_replace(kernel: Kernel, operand: int, result: int) -> bool:
    """Tells whether a kernel may be given the buffer of this operand for this result: its kind has the rule."""
    last = kernel.body.block.last_op
    assert isinstance(last, Yield)
    argument, written = kernel.body.block.args[operand], last.operands[result]
    if kernel.schedule is None or element_type_of(argument.type) != element_type_of(written.type):
        return False
    return resolved(kind_of(kernel).in_place)(kernel.schedule.data, argument, written)
