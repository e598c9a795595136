"""`WholeCall`: what a step does in a call, for executors that do all of it in one native function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pullback.driver.storage import StoredVariables
from pullback.process.locks import Lock


@dataclass(frozen=True, eq=False)
class WholeCall:
    """What a step takes, holds and returns, whatever the shapes of its inputs."""

    dtypes: tuple[np.dtype[Any], ...]
    """Of its inputs."""
    places: tuple[int, ...]
    """Of its results, in the list that it returns."""
    length: int
    """Of the list; where no result is, it has `None`."""
    is_alone: bool
    """Whether it returns the first result itself, instead of the list."""
    variables: StoredVariables
    locks: tuple[Lock, ...]
    """Those of the variables, in the order in which they are taken."""


@runtime_checkable
class RunsWholeCalls(Protocol):
    """An executor that can do all that a step does in a call."""

    def whole(self, call: WholeCall) -> Callable[..., Any] | None:
        """A function of a step's inputs; None if there is none.

        It returns `NotImplemented`, and has done nothing, for whatever is not as usual: arrays that do not fit, say, or
        truth values of other bytes than 0 and 1.
        """
        ...


def refused(*arrays: object) -> Any:
    """The function of a step that does nothing as a whole."""
    return NotImplemented
