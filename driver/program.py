"""`compile_function`: a graph function as something to call on NumPy arrays, on any target."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, i1
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.conversions import true_as_one
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    data_type_of,
    is_static,
    shape_of_type,
)
from pullback.dialects.ir.text import print_module
from pullback.driver.copying import copy_module
from pullback.driver.pipelines import (
    Shapes,
    checked_level,
    has_kernels,
    lowered_to,
    main_alone,
    main_function,
    run_pipeline,
)
from pullback.driver.targets.evaluator import EvaluatedFunction
from pullback.passes.pipeline.run import quiet_collector
from pullback.passes.shapes.specialize_shapes import specialize
from pullback.process.locks import COMPILING

Array = npt.NDArray[Any]
Executor: TypeAlias = Callable[[Sequence[Array], Mapping[str, Array]], list[Array]]
"""Runs a function on its inputs and on the contents of its variables, which it updates in place."""
KEPT_SHAPES = 64
"""For how many of the latest different shapes of its inputs a program is kept compiled, unless told."""


class Program:
    """A function of level `gradients`, `graph` or `kernels`, compiled for a target, for each new shape of its inputs.

    What it calls is inlined. At level `kernels` its kernels keep their schedules, and a memory plan stays.

    Args:
        module: holds the function, `@main`; it is not changed.
        target: `"numpy"`, `"cpu"` or `"simt"`.
        kept_shapes: for how many different shapes of its inputs it is kept compiled; where there are more, those
            whose use lies furthest back go, and their code is given back.

    Raises:
        ValueError: for an unknown target, or where no shape may be kept.
    """

    def __init__(self, module: ModuleOp, target: str = "cpu", kept_shapes: int = KEPT_SHAPES) -> None:
        if target not in TARGETS:
            near = get_close_matches(str(target), TARGETS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"target {target!r} is not known: expected one of {', '.join(TARGETS)}{hint}")
        if isinstance(kept_shapes, bool) or not isinstance(kept_shapes, int) or kept_shapes < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"kept_shapes: expected a number of shapes from 1 on, got {kept_shapes!r}")
        self.target = target
        self.module = module
        self.kept_shapes = kept_shapes
        self._executors: OrderedDict[tuple[tuple[int, ...], ...], Executor] = OrderedDict()
        self._recent: tuple[object, Any] = (None, None)
        """What was called last: it is asked for again almost always."""
        self._latest: Shapes | None = None
        """The shapes that were compiled last."""
        self._has_truths = any(_holds_truths(v) for op in module.walk() for v in _given(op))

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
        """What runs the function on inputs of these shapes: compiled now, unless it was before and is kept."""
        key = tuple([array.shape for array in inputs])
        recent = self._recent  # one look, since other threads may change it
        if recent[0] == key:
            return recent[1]
        executor = self._executors.get(key) or self._compiled(key)
        with suppress(KeyError):  # another thread has just let it go
            self._executors.move_to_end(key)
        self._recent = key, executor
        return executor

    def _compiled(self, key: tuple[tuple[int, ...], ...]) -> Executor:
        self._check_shapes(key)
        with COMPILING, quiet_collector():
            executor = self._executors.get(key)  # another thread may have been first
            if executor is None:
                executor = TARGETS[self.target](self, key)
                executor = self._executors[key] = _with_truths(executor) if self._has_truths else executor
                self._latest = key
            while len(self._executors) > self.kept_shapes:
                self._executors.popitem(last=False)
        return executor

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
        main = main_alone(self.module)
        run_pipeline(main, "finish")
        return main

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

    def ir(self, level: str = "graph", shapes: Shapes | None = None) -> str:
        """The text of one level.

        Args:
            level: `"gradients"` (as built), `"graph"` (finished), `"kernels"`, `"loops"`, `"llvm"`, `"gpu"`,
                `"cuda"`.
            shapes: of the inputs, for the levels from `"kernels"` on; those of the latest compilation
                unless given.

        Raises:
            ValueError: for an unknown level, or if shapes are needed.
        """
        checked_level(level)
        with COMPILING, quiet_collector():
            return TEXTS[level](self, shapes)


def _with_truths(executor: Executor) -> Executor:
    """What runs a function, given truth values of bytes 0 and 1; those of variables become so in place."""

    def run(inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        for array in variables.values():
            if (stored := true_as_one(array)) is not array:
                array[...] = stored
        return executor([true_as_one(array) for array in inputs], variables)

    return run


def _given(op: Operation) -> Sequence[SSAValue]:
    """What a call gives to a function of the graph: its arguments, and the contents of variables."""
    if isinstance(op, func.FuncOp):
        return op.body.block.args if op.body.blocks else ()
    return op.results if isinstance(op, VariableOp) else ()


def _holds_truths(value: SSAValue) -> bool:
    type_ = data_type_of(value.type)
    return isinstance(type_, TensorType) and type_.element_type == i1


def specialise(finished: ModuleOp, shapes: Shapes) -> ModuleOp:
    """A copy of a module of level `graph` with static shapes."""
    copy = copy_module(finished)
    specialize(main_function(copy), shapes)
    run_pipeline(copy, "simplify")
    return copy


def _evaluated(program: Program, shapes: Shapes) -> Executor:
    return EvaluatedFunction(program.finished)


def _native(program: Program, shapes: Shapes) -> Executor:
    from pullback.driver.targets.cpu import NativeFunction

    static = program.specialised(shapes)
    return NativeFunction(lowered_to(static, "loops"), static)


def _emulated(program: Program, shapes: Shapes) -> Executor:
    from pullback.driver.targets.simt import EmulatedFunction

    static = program.specialised(shapes)
    return EmulatedFunction(lowered_to(static, "gpu"), static)


TARGETS: dict[str, Callable[[Program, Shapes], Executor]] = {
    "numpy": _evaluated,
    "cpu": _native,
    "simt": _emulated,
}
"""How a program becomes executable for given shapes of its inputs."""


def _llvm_text(program: Program, shapes: Shapes | None) -> str:
    from pullback.backends.cpu.llvm.printer import print_llvm

    return print_llvm(lowered_to(program.specialised(shapes), "loops"), "main")


def _cuda_text(program: Program, shapes: Shapes | None) -> str:
    from pullback.backends.cuda.program_source import cuda_source

    return cuda_source(lowered_to(program.specialised(shapes), "gpu"))


def _text(level: Literal["kernels", "loops", "gpu"]) -> Callable[[Program, Shapes | None], str]:
    return lambda program, shapes: print_module(lowered_to(program.specialised(shapes), level))


TEXTS: dict[str, Callable[[Program, Shapes | None], str]] = {
    "gradients": lambda program, shapes: print_module(program.module),
    "graph": lambda program, shapes: print_module(program.finished),
    "kernels": _text("kernels"),
    "loops": _text("loops"),
    "gpu": _text("gpu"),
    "cuda": _cuda_text,
    "llvm": _llvm_text,
}
"""How the text of each level is made."""


def compile_function(module: ModuleOp, target: str = "cpu", kept_shapes: int = KEPT_SHAPES) -> Program:
    """`@main` of a module of level `gradients` to `kernels`, compiled for a target; see `Program`."""
    return Program(module, target, kept_shapes)
