"""Scan kernels: what a schedule may ask of one, on every target."""

from __future__ import annotations

from typing import Any

from xdsl.ir import Operation

from pullback.dialects.graph.along_axes.scans import Scan
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError


def check_scan(kernel: Kernel, **means: Any) -> None:
    """Checks that a kernel computes a scan and nothing with it.

    Raises:
        DiagnosticError: its region computes more.
    """
    last = kernel.body.block.last_op
    others = [op for op in kernel.body.block.ops if not isinstance(op, Scan) and op is not last]
    made = last.operands if isinstance(last, Operation) else ()
    if others or any(not isinstance(value.owner, Scan) for value in made):
        what = f"'{others[0].name}'" if others else "an argument"
        raise DiagnosticError(
            f"a scan kernel yields its scan, and computes nothing else: expected {what} in a kernel of its own",
            kernel,
        )
