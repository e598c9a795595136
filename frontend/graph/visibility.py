"""Dominance where a graph grows: values of loops and branches are not visible outside of them."""

from __future__ import annotations

from xdsl.ir import Block, SSAValue

from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.tensor.insertion import insertion_block_around
from pullback.dialects.graph.tensor.location import is_unknown, name_of, name_of_value
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.diagnostics import note_place


def block_of(value: SSAValue) -> Block | None:
    """The block that defines a value."""
    owner = value.owner
    return owner if isinstance(owner, Block) else owner.parent


def is_visible(value: SSAValue, inside: Block) -> bool:
    """Tells whether a block sees a value: it, or one around it, defines the value."""
    made_in = block_of(value)
    block: Block | None = inside
    while block is not None and block is not made_in:
        block = block.parent_block()
    return block is not None


def check_visible(value: SSAValue, inside: Block, what: str) -> None:
    """Refuses a value that was made inside of a loop or a branch, outside of it.

    Args:
        value: what is used.
        inside: the block in which it is used.
        what: uses it, for the message.

    Raises:
        GraphError: the block does not see the value, or nothing does: it was taken back.
    """
    if is_visible(value, inside):
        return
    if insertion_block_around(value) is None:
        raise GraphError(
            f"{what}: tensor '{name_of_value(value)}' belongs to no graph: what it was made for has failed, and was "
            "taken back"
        )
    made_in = block_of(value)
    around = made_in.parent_op() if made_in is not None else None
    kind = "gradient function" if isinstance(around, CustomGradient) else "loop or branch"
    where = f" '{name_of(around)}'" if around is not None and not is_unknown(around.location) else ""
    error = GraphError(
        f"{what}: tensor '{name_of_value(value)}' was made inside of the {kind}{where} and is not there "
        "outside of it: return it from the function that made it"
    )
    raise note_place(error, value)
