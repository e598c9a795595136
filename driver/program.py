"""`compile_function`: compiles a graph function for a target, to be called on NumPy arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import Any, TypeAlias, cast

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.types import GraphError, compatible_shapes, is_static, shape_of_type
from pullback.dialects.ir.copying import copy_module
from pullback.dialects.ir.source import tracing_copies
from pullback.dialects.ir.text import print_module
from pullback.driver.debug_files import DebugFiles
from pullback.driver.kept_shapes import KEPT_SHAPES
from pullback.driver.run_pipeline import checks_of, has_kernels, leave_main, main_function, run_pipeline
from pullback.driver.target_pipeline import check_end, lowered_for
from pullback.driver.targets.registry import target_named, targets
from pullback.driver.targets.target import Executor, ProgramToKeep
from pullback.driver.truth_values import WithTruthValues, takes_truth_values
from pullback.passes.pipeline.levels import LevelName
from pullback.passes.shapes.specialize_shapes import is_specialized, specialize
from pullback.process.locks import COMPILING
from pullback.process.quiet_collector import quiet_collector

Array = npt.NDArray[Any]
Shapes: TypeAlias = Sequence[tuple[int, ...]]
"""The shape of each input of a call."""
ABOVE = ("gradients", "graph")
"""The levels above those of targets: as the program was built, and finished."""


def compile_function(
    module: ModuleOp, target: str = "cpu", kept_shapes: int = KEPT_SHAPES, passes: Sequence[ModulePass] = ()
) -> Program:
    """`@main` of a module of level `gradients` to `kernels`, compiled for a target; see `Program`."""
    return Program(module, target, kept_shapes, passes)


class Program:
    """A function of level `gradients`, `graph` or `kernels`, compiled for a target, for each new shape of its inputs.

    What it calls is inlined. At level `kernels` its kernels keep their schedules, and a memory plan stays.

    Args:
        module: holds the function, `@main`; it is not changed.
        target: the name of a registered target, such as `"cpu"`.
        kept_shapes: for how many different shapes of its inputs it is kept compiled; where there are more, those
            whose use lies furthest back go, and their code is given back.
        passes: run on the finished graph, of the shapes of a call where the target needs them; the target's own passes
            lead on from the level that they end at.
        debug: the folder for code with debug lines; without it the code has none, and stays in memory.
        device_outputs: whether results are `DeviceArray`s.

    Raises:
        ValueError: for an unknown target, passes that end at a level that the target does not go through, or where no
            shape may be kept.
    """

    def __init__(
        self,
        module: ModuleOp,
        target: str = "cpu",
        kept_shapes: int = KEPT_SHAPES,
        passes: Sequence[ModulePass] = (),
        debug: DebugFiles | None = None,
        device_outputs: bool = False,
    ) -> None:
        self._target = target_named(target)
        self._passes = tuple(passes)
        check_end(self._passes, self._target)
        self._debug = debug
        if debug is not None and self._target.debug_executor is None:
            able = ", ".join(name for name, t in targets().items() if t.debug_executor is not None)
            raise ValueError(f"debug: target {target!r} makes no code that has lines; these do: {able}")
        if device_outputs and self._target.device_executor is None:
            able = ", ".join(name for name, t in targets().items() if t.device_executor is not None)
            raise ValueError(
                f"device_outputs: target {target!r} computes on the host and gives arrays of NumPy: leave it out, or "
                f"take one of {able}"
            )
        self._device_outputs = device_outputs
        if isinstance(kept_shapes, bool) or not isinstance(kept_shapes, int) or kept_shapes < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"kept_shapes: expected a number of shapes from 1 on, got {kept_shapes!r}")
        self.module = module
        self.kept_shapes = kept_shapes
        self._executors: OrderedDict[tuple[tuple[int, ...], ...], Executor] = OrderedDict()
        self._recent: tuple[object, Any] = (None, None)
        """What was called last: it is asked for again almost always."""
        self._latest: Shapes | None = None
        """The shapes that were compiled last."""
        self._takes_truth_values = takes_truth_values(module)

    @property
    def target(self) -> str:
        """The name of what it runs on."""
        return self._target.name

    @property
    def takes_device_arrays(self) -> bool:
        """Whether inputs may be `DeviceArray`s."""
        return self._target.device_executor is not None

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        """The results, as arrays that share memory with nothing.

        Args:
            inputs: C-contiguous arrays of the dtypes and shapes of `@main`'s arguments.
            variables: the contents of each variable by name; updates change these arrays.

        Raises:
            ValueError: for a shape that does not fit.
        """
        return self.executor(inputs)(inputs, variables)

    def executor(self, inputs: Sequence[Array]) -> Executor:
        """Returns the executor for inputs of these shapes: from the cache, else compiled now."""
        key = tuple([array.shape for array in inputs])
        recent = self._recent  # one look, since other threads may change it
        if recent[0] == key:
            return recent[1]
        executor = self._executors.get(key) or self._compiled(key)
        with suppress(KeyError):  # another thread has just let it go
            self._executors.move_to_end(key)
        self._recent = key, executor
        return executor

    def is_compiled_for(self, inputs: Sequence[Array]) -> bool:
        """Tells whether a call with inputs of these shapes compiles nothing."""
        return tuple([array.shape for array in inputs]) in self._executors

    def forget(self, inputs: Sequence[Array]) -> None:
        """Forgets the code for inputs of these shapes: it is compiled again when they are next given."""
        self._executors.pop(tuple([array.shape for array in inputs]), None)
        self._recent = (None, None)

    def _compiled(self, key: tuple[tuple[int, ...], ...]) -> Executor:
        self._check_shapes(key)
        with COMPILING, quiet_collector():
            executor = self._executors.get(key)  # another thread may have been first
            if executor is None:
                executor = self._executors[key] = self._made_for(key)
                self._latest = key
            while len(self._executors) > self.kept_shapes:
                self._executors.popitem(last=False)
        return executor

    def _made_for(self, shapes: Shapes) -> Executor:
        target = self._target

        @cache
        def graph() -> ModuleOp:
            return self.specialised(shapes) if target.static_shapes else self.finished

        def lowered() -> ModuleOp:
            return lowered_for(graph(), target, self._passes)

        if self._debug is not None:
            executor = self._debug.executor(graph(), target, self._passes)
        elif target.kept_executor is not None and not self._device_outputs:
            executor = target.kept_executor(
                ProgramToKeep(
                    self.module, shapes, self._passes, target.passes, target.capabilities(), graph, lowered
                )
            )
        else:
            made = target.device_executor if self._device_outputs else target.executor
            assert made is not None
            executor = made(lowered(), graph())
        return WithTruthValues(executor) if self._takes_truth_values else executor

    def _check_shapes(self, shapes: Shapes) -> None:
        for shape, argument in zip(shapes, main_function(self.module).body.block.args, strict=True):
            if not compatible_shapes(shape, shape_of_type(argument.type)):
                raise GraphError(
                    f"input '{name_of_value(argument)}': expected {argument.type}, got an array of shape {shape}"
                )

    @cached_property
    def finished(self) -> ModuleOp:
        """The function at level `graph`, alone in its module; as it is, if it is at level `kernels` already."""
        if has_kernels(self.module):
            return self.module
        copy = copy_module(self.module)
        with tracing_copies(self.module, copy):
            leave_main(copy)
            run_pipeline(copy, "finish")
        return copy

    def specialised(self, shapes: Shapes | None) -> ModuleOp:
        """The function at level `graph` (or `kernels`) for inputs of these shapes, left out where the types say them.

        Raises:
            ValueError: if shapes are needed, and none were given and no call has shown any.
        """
        arguments = list(main_function(self.module).body.block.args)
        if all(is_static(a.type) for a in arguments) and shapes is None:
            shapes = [shape_of_type(a.type) for a in arguments]
        if shapes is None:
            if self._latest is None:
                raise ValueError(
                    "below level 'graph' shapes are static: call the step once, or give shapes= with one "
                    "shape per input"
                )
            shapes = self._latest
        # Kernels were formed for static shapes, which calls are checked against.
        return self.module if has_kernels(self.module) else specialise(self.finished, shapes)

    def ir(self, level: str = "graph", shapes: Shapes | None = None, *, debuginfo: bool = False) -> str:
        """The text of one level.

        Args:
            level: `"gradients"` (as built), `"graph"` (finished), or what a target shows: one that the program's own
                target does not go through is shown as the first target that does has it. A level that `passes` check is
                shown as it is there.
            shapes: of the inputs, for the levels below `"graph"`; those of the latest compilation unless given.
            debuginfo: print in the locations of modules the line of Python at which each operation was written.

        Raises:
            ValueError: for an unknown level, or if shapes are needed.
        """
        texts = [(t, t.shown[level]) for t in (self._target, *targets().values()) if level in t.shown]
        if not texts or level in texts[0][0].levels:
            known = [*ABOVE, *(name for t in targets().values() for name in t.shown)]
            return print_module(self._at_level(level, shapes, known), debuginfo=debuginfo)
        target, text = texts[0]
        with COMPILING, quiet_collector():
            return text.printed(lowered_for(self.specialised(shapes), target, self._passes, text.level))

    def at_level(self, level: str, shapes: Shapes | None = None) -> ModuleOp:
        """A copy of the module of one level, of which `ir` prints the text.

        Raises:
            ValueError: for an unknown level, one that is a text and no module, or if shapes are needed.
        """
        texts = [text for t in targets().values() for text in t.texts if text.name == level]
        if texts:
            raise ValueError(f"level {level!r} is a text, and no module: ir({level!r}) prints it")
        known = [*ABOVE, *(name for t in targets().values() for name in t.levels)]
        return copy_module(self._at_level(level, shapes, known))

    def _at_level(self, level: str, shapes: Shapes | None, known: Sequence[str]) -> ModuleOp:
        with COMPILING, quiet_collector():
            if level in ABOVE and level not in checks_of(self._passes):
                return self.module if level == "gradients" else self.finished
            through = [t for t in (self._target, *targets().values()) if level in ("graph", *t.levels)]
            if not through:
                expected = ", ".join(dict.fromkeys(known))
                raise ValueError(f"level {level!r} is not known: expected one of {expected}")
            return lowered_for(self.specialised(shapes), through[0], self._passes, cast(LevelName, level))


def specialise(finished: ModuleOp, shapes: Shapes) -> ModuleOp:
    """A module of level `graph` with static shapes; the finished one itself, where it has no others."""
    if is_specialized(main_function(finished), shapes):
        return finished
    copy = copy_module(finished)
    with tracing_copies(finished, copy):
        specialize(main_function(copy), shapes)
        run_pipeline(copy, "simplify")
    return copy
