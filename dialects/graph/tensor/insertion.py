"""The insertion point of new operations: set by the surrounding `inserting`, else the block of an operand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.tensor.types import GraphError

Insert: TypeAlias = Callable[[Operation], None]
_insertion: ContextVar[Insert] = ContextVar("insertion")
_is_users: ContextVar[bool] = ContextVar("is_users", default=False)


def insert(op: Operation) -> None:
    """Inserts a new operation at the insertion point of the surrounding `inserting`; `GraphError` outside of one."""
    try:
        place = _insertion.get()
    except LookupError:
        raise GraphError(
            f"{op.name}: no graph to add to: work inside `with Graph() as g:`, or in a rewrite pattern inside "
            "`with inserting_at(rewriter):`"
        ) from None
    place(op)


def insertion_point() -> Insert | None:
    """Gives the insertion point that a surrounding `inserting` has set."""
    return _insertion.get(None)


def inserting(place: Insert, *, is_users: bool = False) -> AbstractContextManager[None]:
    """Sets the insertion point: inside the `with` block, `place` inserts each new operation.

    It belongs to the frontend, to the gradient engine or to a lowering. With `is_users` the operations are written by
    a user, and not made by a rule, a fold or a pass.
    """
    return _Inserting(place, is_users)


class _Inserting:
    """A context of its own: lowerings enter thousands, and one that is made of a generator takes twice the time."""

    def __init__(self, place: Insert, is_users: bool) -> None:
        self._place, self._is_users = place, is_users

    def __enter__(self) -> None:
        self._tokens = _insertion.set(self._place), _is_users.set(self._is_users)

    def __exit__(self, *error: object) -> None:
        place, is_users = self._tokens
        _insertion.reset(place)
        _is_users.reset(is_users)


def is_written_by_user() -> bool:
    """Tells whether a user writes the operations made now: then numbers that a dtype does not hold are refused."""
    return _is_users.get()


def is_inserting() -> bool:
    """Tells whether a surrounding `inserting` has set an insertion point."""
    return _insertion.get(None) is not None


class InsertionBlock(Block):
    """A block to which operators on its values add operations where no `inserting` surrounds them."""

    def insert(self, op: Operation) -> None:
        """Inserts a new operation where the block's owner wants it."""
        raise NotImplementedError


@contextmanager
def inserting_beside(value: SSAValue) -> Generator[None]:
    """Sets the insertion point to the graph of this value, unless a surrounding `inserting` has set one."""
    home = insertion_block_around(value) if not is_inserting() else None
    if home is None:
        yield
        return
    with inserting(home.insert, is_users=True):
        yield


def insertion_block_around(value: SSAValue | Operation) -> InsertionBlock | None:
    """Finds the `InsertionBlock` around a value or an operation, if there is one."""
    owner = value if isinstance(value, Operation) else value.owner
    block = owner if isinstance(owner, Block) else owner.parent
    while block is not None and not isinstance(block, InsertionBlock):
        block = block.parent_block()
    return block
