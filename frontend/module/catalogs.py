"""What there is: passes, named pipelines, levels and targets, as mappings that print as lists."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec

from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.module.pass_pipeline import PassPipeline, pipeline
from pullback.process.close_matches import get_close_matches

if TYPE_CHECKING:
    from pullback.driver.targets.target import Target
    from pullback.passes.pipeline.levels import Level
    from pullback.passes.pipeline.options import PassOption

__all__ = ["Catalog", "PassInfo", "list_levels", "list_passes", "list_pipelines", "list_targets"]

T = TypeVar("T")


class Catalog(Mapping[str, T], Generic[T]):
    """A mapping by name of what is registered, at the time when it is asked; it prints as a list with meanings."""

    DOCUMENTED = ()

    def __init__(
        self, kind: str, entries: Callable[[], Mapping[str, T]], meaning: Callable[[T], str]
    ) -> None:
        self._kind, self._entries, self._meaning = kind, entries, meaning

    def __getitem__(self, name: str) -> T:
        entries = self._entries()
        if name not in entries:
            near = get_close_matches(str(name), entries, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(entries)}"
            raise KeyError(f"no {self._kind} is called {name!r}: {hint}")
        return entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def __repr__(self) -> str:
        entries = self._entries()
        width = max(map(len, entries), default=0)
        return "\n".join(f"{name:{width}}  {self._meaning(entry)}" for name, entry in entries.items())


@dataclass(frozen=True)
class PassInfo:
    """A pass that is registered: called with options, it gives the pass as an object.

    Attributes:
        cls: the class, a dataclass whose fields are the options.
    """

    cls: type[ModulePass]

    @property
    def name(self) -> str:
        """What pipelines call it."""
        return self.cls.name

    @property
    def meaning(self) -> str:
        """One line for lists."""
        return (inspect.getdoc(self.cls) or "").partition("\n")[0]

    @property
    def options(self) -> Mapping[str, PassOption]:
        """The options by name, each with its type and default."""
        from pullback.passes.pipeline.options import options_of

        return options_of(self.cls)

    def __call__(self, **options: Any) -> ModulePass:
        """The pass with these options, `-` in names written as `_`.

        Raises:
            TypeError: for an option that the pass does not have, one that is missing, or a value of another type.
        """
        from pullback.passes.pipeline.options import instance

        given = {
            name: value if isinstance(value, tuple) else (value,)
            for name, value in options.items()
            if value is not None
        }
        try:
            return instance(self.cls, ArgSpec(self.name, given))
        except ValueError as error:
            raise ArgumentTypeError(f"pass '{self.name}': {error}") from None

    def __repr__(self) -> str:
        from pullback.passes.pipeline.options import meanings_of

        meanings = meanings_of(self.cls)
        lines = [f"{self.name}: {self.meaning}"]
        for name, option in self.options.items():
            default = "" if option.required else f" = {option.default}"
            lines.append(f"  {name}: {option.type}{default}  {meanings.get(name, '')}".rstrip())
        return "\n".join(lines)


def list_passes() -> Catalog[PassInfo]:
    """The passes by name: ours, and those that are registered. `pipeline` takes those of xDSL as well."""
    return Catalog("pass", _passes, lambda info: info.meaning)


def list_pipelines() -> Catalog[PassPipeline]:
    """The named pipelines, each as an object that can be called with a module."""
    from pullback.passes.pipeline.pipelines import PIPELINES

    return Catalog("pipeline", lambda: {name: pipeline(name) for name in PIPELINES}, str)


def list_levels() -> Catalog[Level]:
    """The levels by name, from the request on: the operations and types that each allows, and its meaning."""
    from pullback.passes.pipeline.levels import LEVELS

    return Catalog(
        "level", lambda: {str(name): level for name, level in LEVELS.items()}, lambda level: level.meaning
    )


def list_targets() -> Catalog[Target]:
    """The targets by name: for each its meaning, its pipeline from a finished graph on, and the levels on the way."""
    from pullback.driver.targets.registry import targets

    return Catalog("target", targets, lambda target: target.meaning)


def _passes() -> Mapping[str, PassInfo]:
    from pullback.passes.pipeline.pipelines import own_passes

    return {name: PassInfo(factory()) for name, factory in own_passes().items()}
