"""`arith` with what xDSL 0.74 lacks or refuses on vectors.

Syntax, operand names and constructors are xDSL's, which are upstream's.
"""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.irdl import irdl_op_definition, traits_def
from xdsl.traits import Pure

from pullback.dialects.upstream.casts import (
    ExtSIOp,
    ExtUIOp,
    FPToSIOp,
    FPToUIOp,
    IndexCastOp,
    IndexCastUIOp,
    SIToFPOp,
    TruncIOp,
    UIToFPOp,
)
from pullback.dialects.upstream.comparisons import CmpfOp, CmpiOp, SelectOp
from pullback.dialects.upstream.redeclared import each_verified_once, with_operations


@irdl_op_definition
class RemfOp(arith.FloatingPointLikeBinaryOperation):
    """Floating-point remainder with the sign of the dividend (C's `fmod`)."""

    name = "arith.remf"
    traits = traits_def(Pure())


Arith = each_verified_once(
    with_operations(
        arith.Arith,
        SIToFPOp,
        UIToFPOp,
        FPToSIOp,
        FPToUIOp,
        ExtSIOp,
        ExtUIOp,
        TruncIOp,
        IndexCastOp,
        IndexCastUIOp,
        RemfOp,
        CmpiOp,
        CmpfOp,
        SelectOp,
    )
)
