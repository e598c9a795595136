"""`RunResults`: what a run of a function gives: a tuple whose items have names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex, overload

from pullback.dialects.graph.tensor.arrays import Array

__all__ = ["RunResults"]


class RunResults(tuple[Any, ...]):
    """The results of a run, in the order of the function's results: a tuple, whose items have names as well.

    `loss, dw = module.run([x])` takes them apart, and `module.run([x])["dw"]` takes one, by the name that it has in the
    program. Each is an array, or slices, which are the named tuple `(values, indices, dense_shape)`.

    Attributes:
        names: of the items, in order.
        variables: the contents of each variable after the run, by its name.
    """

    names: tuple[str, ...]
    variables: Mapping[str, Array]

    def __new__(
        cls, values: Sequence[Any], names: Sequence[str], variables: Mapping[str, Array] | None = None
    ) -> RunResults:
        made = super().__new__(cls, values)
        made.names = tuple(names)
        made.variables = dict(variables or {})
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self), self.names, self.variables

    @overload
    def __getitem__(self, key: SupportsIndex | str, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[Any, ...]: ...
    def __getitem__(self, key: Any, /) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        if key not in self.names:
            raise KeyError(f"no result is called {key!r}: there are {', '.join(self.names) or 'none'}")
        return super().__getitem__(self.names.index(key))

    def asdict(self) -> dict[str, Any]:
        """The results by their names."""
        return dict(zip(self.names, self, strict=True))

    def __repr__(self) -> str:
        return f"RunResults({', '.join(f'{name}={value!r}' for name, value in self.asdict().items())})"
