"""`Target`: what programs are compiled for, as an object. All that the compiler knows of one is in its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.ir.text import print_module
from pullback.passes.pipeline.levels import LevelName
from pullback.passes.pipeline.pipelines import OptionValue, levels_through, with_options

Array = npt.NDArray[Any]

Executor: TypeAlias = Callable[[Sequence[Array], Mapping[str, Array]], list[Array]]
"""Runs a function on its inputs and on the contents of its variables, which it updates in place."""

GraphRunner: TypeAlias = Callable[[ModuleOp, str, Sequence[Array], Mapping[str, Array]], Sequence[Any]]
"""Runs the named function of a graph on its inputs; the variables' arrays are updated in place."""

MemoryRunner: TypeAlias = Callable[[ModuleOp, str, Sequence[Array], Sequence[int]], None]
"""Runs the named function on memory on one array per argument, in place; the last gives those undefined on entry."""


@dataclass(frozen=True)
class ProgramToKeep:
    """A program for some shapes of its inputs, whose code may be kept: what the code follows from."""

    built: ModuleOp
    """Of level `gradients` to `kernels`."""
    shapes: Sequence[tuple[int, ...]]
    """The shape of each input."""
    passes: Sequence[ModulePass]
    """Those of a user."""
    pipeline: str
    """The text of the target's, without the capabilities: to fill these in imports every pass."""
    capabilities: Mapping[str, OptionValue]
    finished: Callable[[], ModuleOp]
    """The finished graph for these shapes, made when it is asked for."""
    lowered: Callable[[], ModuleOp]
    """What the passes make of that."""


KeptExecutor: TypeAlias = Callable[[ProgramToKeep], Executor]


@dataclass(frozen=True)
class Text:
    """A text that a target prints of a program at one of its levels."""

    name: str
    """What `step.ir` calls it."""
    level: LevelName
    """The level of the module that is printed."""
    printed: Callable[[ModuleOp], str]
    format: str | None = None
    """What `pullback-opt -t` calls it; MLIR has no name there."""
    meaning: str = ""
    """One sentence for lists."""


@dataclass(frozen=True, repr=False)
class Target:
    """A target that programs are compiled for; `register_target` makes it known to `compile` and to the tools."""

    name: str
    meaning: str
    """One line for lists."""
    passes: str
    """From a finished graph to what is run: the text of a pipeline, without the capabilities."""
    executor: Callable[[ModuleOp, ModuleOp], Executor]
    """From a module after the pipeline, and the finished graph before it, to what runs `@main`."""
    debug_executor: Callable[[ModuleOp, ModuleOp, Path], Executor] | None = None
    """As `executor`, and writes the code to a shared library whose line table has the positions in locations."""
    device_executor: Callable[[ModuleOp, ModuleOp], Executor] | None = None
    """As `executor`, for outputs that stay on the device; where there is one, inputs of both may be there, too.

    They are `DeviceArray`s.
    """
    kept_executor: KeptExecutor | None = None
    """As `executor`, where code may be kept for later processes: then nothing is lowered there."""
    capabilities: Callable[[], Mapping[str, OptionValue]] = dict
    """What passes may ask of the target, as values of their options by name; called when first needed.

    `vector-bits` and `shared-bytes` are sizes, `fmas-per-cycle` is the rate of vector FMAs; `dtypes` and `host-ops` say
    what kernels compute, and what they do not.
    """
    static_shapes: bool = True
    """Whether a program is compiled for the shapes of its inputs; if not, one module serves them all."""
    texts: tuple[Text, ...] = ()
    """What it prints of the levels of its pipeline, beside the MLIR of each."""
    run_on_memory: MemoryRunner | None = None
    """Runs text at the level that the pipeline leads to, if that is on memory; no target must."""
    run_graph: GraphRunner | None = None
    """Runs text of a graph as it is, whatever its level; without it, the graph is compiled."""

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"{self.name}: {self.meaning}",
                f"  passes from a finished graph: {self.passes or 'none'}",
                *([f"  levels: {', '.join(self.levels)}"] if self.levels else []),
                *([f"  texts: {', '.join(text.name for text in self.texts)}"] if self.texts else []),
            ]
        )

    @property
    def pipeline(self) -> str:
        """The text of the passes from a finished graph to what is run, with the capabilities as options."""
        return _with_capabilities(self.passes, tuple(self.capabilities().items()))

    @cached_property
    def levels(self) -> tuple[LevelName, ...]:
        """The levels that the pipeline goes through: each ends in the check of what it promises."""
        return cast("tuple[LevelName, ...]", levels_through(self.passes))

    @cached_property
    def shown(self) -> Mapping[str, Text]:
        """All texts by the names that `step.ir` takes."""
        levels = (Text(level, level, print_module) for level in self.levels)
        return {text.name: text for text in (*levels, *self.texts)}


@cache
def _with_capabilities(passes: str, capabilities: tuple[tuple[str, OptionValue], ...]) -> str:
    return with_options(passes, dict(capabilities))
