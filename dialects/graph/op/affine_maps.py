"""Affine maps in text (`affine_map<(d0, d1) -> (d0 + 2 * d1)>`) and the positions that they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import AffineMapAttr
from xdsl.ir.affine import AffineBinaryOpExpr, AffineBinaryOpKind, AffineExpr, AffineMap, AffineSymExpr

from pullback.dialects.graph.op.affine import Affine, Position
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.by_identity import by_identity


def map_of(position: Position, rank: int) -> AffineMapAttr:
    """Builds the map with these coordinates, over so many dims."""
    flat = ([*c.coefficients, c.constant] for c in position)
    return AffineMapAttr(
        AffineMap(rank, 0, tuple(AffineExpr.from_flat_form(values, rank, 0, []) for values in flat))
    )


@by_identity
def position_of(attribute: AffineMapAttr) -> Position:
    """Reads the coordinates of a map.

    Raises:
        GraphError: they are not affine in the dims alone.
    """
    map_ = attribute.data
    return tuple(_affine(result, map_.num_dims) for result in map_.results)


def _affine(expression: AffineExpr, rank: int) -> Affine:
    for part in expression.dfs():
        if isinstance(part, AffineSymExpr) or (isinstance(part, AffineBinaryOpExpr) and not _is_linear(part)):
            raise GraphError(f"expected coordinates that are affine in the dims, got {expression}")
    constant = expression.eval([0] * rank, [])
    units: list[Sequence[int]] = [[int(d == at) for d in range(rank)] for at in range(rank)]
    return Affine(tuple(expression.eval(unit, []) - constant for unit in units), constant)


def _is_linear(expression: AffineBinaryOpExpr) -> bool:
    if expression.kind == AffineBinaryOpKind.Mul:
        return not (_has_dims(expression.lhs) and _has_dims(expression.rhs))
    return expression.kind == AffineBinaryOpKind.Add


def _has_dims(expression: AffineExpr) -> bool:
    return bool(expression.used_dims())
