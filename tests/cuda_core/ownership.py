"""Who owns memory, and when it is freed: in the order of a stream, and not while other work uses it."""

from __future__ import annotations

import weakref
from contextlib import suppress
from dataclasses import dataclass

from pullback.tests.cuda_core.address_space import Allocation
from pullback.tests.cuda_core.errors import MisuseError
from pullback.tests.cuda_core.machine import Machine
from pullback.tests.cuda_core.ordering import whole
from pullback.tests.cuda_core.streams import Stream, Task


@dataclass
class Recipe:
    """How memory is given back: on which stream, or at once where there is none."""

    machine: Machine
    allocation: Allocation
    stream: Stream | None


class Pointer:
    """Owns an allocation, which is freed when the last reference goes: a buffer's, or that of a node of a graph."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        weakref.finalize(self, release_unseen, recipe).atexit = False


def release_unseen(recipe: Recipe) -> None:
    """Give memory back where nothing can be raised; the machine keeps what was wrong."""
    with suppress(MisuseError):
        release(recipe)


def release(recipe: Recipe) -> None:
    """Give memory back, in the order of its stream."""
    machine, allocation, stream = recipe.machine, recipe.allocation, recipe.stream
    with machine.lock:
        access = whole(allocation, "freeing it")
        if stream is None:
            found = machine.ordering.conflict([access], machine.ordering.host)
            if machine.races and found is not None:
                raise machine.misuse(found)
            machine.free(allocation)
        elif stream._context.error is None:
            stream._enqueue(Task(lambda: machine.free(allocation), [access]))
