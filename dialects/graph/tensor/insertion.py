"""Where new operations go: what surrounds their making says it, or the block that an operand stands in."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.tensor.types import GraphError

Insert: TypeAlias = Callable[[Operation], None]
_insertion: ContextVar[Insert] = ContextVar("insertion")
_is_users: ContextVar[bool] = ContextVar("is_users", default=False)


def insert(op: Operation) -> None:
    """Puts a new operation where the surrounding `inserting` says; `GraphError` outside of one."""
    try:
        place = _insertion.get()
    except LookupError:
        raise GraphError(f"{op.name}: no graph to add to: work inside `with Graph() as g:`") from None
    place(op)


@contextmanager
def inserting(place: Insert, *, is_users: bool = False) -> Generator[None]:
    """While this lasts, new operations go through `place` (the frontend's, the engine's or a lowering's).

    With `is_users` they are what a user writes, and not what a rule, a fold or a pass makes.
    """
    token, users = _insertion.set(place), _is_users.set(is_users)
    try:
        yield
    finally:
        _insertion.reset(token)
        _is_users.reset(users)


def is_written_by_user() -> bool:
    """Whether what is made now is what a user writes: then numbers that a dtype does not hold are refused."""
    return _is_users.get()


def is_inserting() -> bool:
    """Whether a surrounding `inserting` says where new operations go."""
    return _insertion.get(None) is not None


class InsertionBlock(Block):
    """A block that the operators on its values add to where no `inserting` surrounds them."""

    def insert(self, op: Operation) -> None:
        """Puts a new operation where the block's owner wants it."""
        raise NotImplementedError


@contextmanager
def inserting_beside(value: SSAValue) -> Generator[None]:
    """Where nothing says otherwise, new operations go into the graph of this value."""
    home = insertion_block_around(value) if not is_inserting() else None
    if home is None:
        yield
        return
    with inserting(home.insert, is_users=True):
        yield


def insertion_block_around(value: SSAValue | Operation) -> InsertionBlock | None:
    """The block around a value or an operation that operators on it add to, if there is one."""
    owner = value if isinstance(value, Operation) else value.owner
    block = owner if isinstance(owner, Block) else owner.parent
    while block is not None and not isinstance(block, InsertionBlock):
        block = block.parent_block()
    return block
