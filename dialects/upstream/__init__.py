"""The upstream MLIR dialects that levels 3 and below are written in, complete enough for our vectors.

xDSL 0.74 lacks some operations and refuses others on vectors. Those are declared here under upstream's names
and syntax, one module per dialect, and take the place of xDSL's in `upstream_dialects()`.
"""

from __future__ import annotations

from xdsl.dialects import builtin, func
from xdsl.ir import Dialect
from xdsl.irdl import IRDLOperation

from pullback.dialects.ir.verified_once import verified_once
from pullback.dialects.upstream.arith import Arith
from pullback.dialects.upstream.gpu import Gpu
from pullback.dialects.upstream.math import Math
from pullback.dialects.upstream.memref import MemRef
from pullback.dialects.upstream.scf import Scf
from pullback.dialects.upstream.vector import Vector

for dialect in (Arith, Math, MemRef, Vector):
    for operation in dialect.operations:
        if issubclass(operation, IRDLOperation):
            verified_once(operation)


def upstream_dialects() -> tuple[Dialect, ...]:
    """The upstream dialects of every level, ours swapped in for xDSL's."""
    return (builtin.Builtin, func.Func, Arith, Math, MemRef, Scf, Vector, Gpu)
