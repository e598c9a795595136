"""`CompiledModule`: a function of a module, compiled for a target, to be called on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.tensor.arrays import Array
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.driver.module_functions import alone_as_main, is_on_memory
from pullback.frontend.module.given_arrays import given_arrays
from pullback.frontend.module.module_function import ModuleFunction
from pullback.frontend.module.pass_pipeline import ModuleT, Passes, PassPipeline, for_target, pipeline
from pullback.frontend.module.run_results import RunResults
from pullback.process.locks import COMPILING, Lock
from pullback.process.quiet_collector import quiet_collector

if TYPE_CHECKING:
    from pullback.driver.program import Program, Shapes
    from pullback.driver.targets.target import Executor
    from pullback.passes.pipeline.levels import LevelName

__all__ = ["CompiledModule"]


class CompiledModule(Generic[ModuleT]):
    """A compiled function of a module, which `Module.compile` gives: takes one array for each input.

    Attributes:
        target: the name of what it runs on.
        variables: the contents of each variable by name; calls update these arrays.
    """

    DOCUMENTED: ClassVar = ("__call__", "ir", "module")

    def __init__(
        self,
        module: ModuleT,
        target: str,
        function: ModuleFunction,
        variables: Mapping[str, Any],
        passes: Passes,
        kept_shapes: int,
        verify_each: bool = False,
    ) -> None:
        from pullback.driver.run_function import memory_executor
        from pullback.driver.targets.registry import target_named

        self.target = target_named(target).name
        self._pipeline = pipeline(passes)
        self._made_of = module, function.name, kept_shapes, verify_each
        self._verify_each = verify_each
        self._module = module
        self._inputs, self._names = function.inputs, tuple(function.results)
        given = given_arrays(variables, function.variables, "variable")
        self.variables: Mapping[str, Array] = {name: array.copy() for name, array in given.items()}
        self._lock = Lock()
        self._program: Program | None = None
        with module.located(), COMPILING, quiet_collector():
            if is_on_memory(function.op):
                if self._pipeline:
                    raise ArgumentTypeError(
                        "pipeline: its passes begin at the finished graph; this function is lowered"
                    )
                self._lowered = memory_executor(module.copy().op, function.name, target)
            else:
                self._program = self._compiled(module.copy().op, function.name, kept_shapes)

    def _compiled(self, module: ModuleOp, name: str, kept_shapes: int) -> Program:
        from pullback.driver.program import Program
        from pullback.driver.to_level import to_level
        from pullback.passes.calls.inline_calls import inline_calls
        from pullback.passes.pipeline.verify_level import level_of

        inline_calls(module)
        alone = alone_as_main(module, name)
        if level_of(alone) == "request":
            to_level(alone, "gradients")
        return Program(alone, self.target, kept_shapes, for_target(self._pipeline, self.target))

    def __call__(self, *arrays: Any) -> RunResults:
        """Runs the function on one array for each input; `variables` of the results are the arrays that calls update.

        Raises:
            ValueError: for a wrong number of arrays or a wrong shape (a `TypeError` for a wrong dtype).
            ProgramError: what a pass says of the program when it is compiled for new shapes.
        """
        given = list(given_arrays(arrays, self._inputs, "input").values())
        with self._module.located(), self._lock:
            results = self._executor(given)(given, self.variables)
        return RunResults(results, self._names, self.variables)

    def _executor(self, given: Sequence[Array]) -> Executor:
        if self._program is None:
            return self._lowered
        if self._verify_each:
            from pullback.driver.checking.verified_program import verified_executor

            return verified_executor(self._program, given, self.variables)
        return self._program.executor(given)

    def ir(self, level: str = "graph", shapes: Shapes | None = None) -> str:
        """The text at one level, as `ir` of a step.

        Raises:
            ValueError: for an unknown level, if shapes are needed, or for a function that was lowered before.
            ProgramError: what a pass says of the program.
        """
        with self._module.located():
            return self._whole().ir(level, shapes)

    def module(self, level: LevelName = "graph", shapes: Shapes | None = None) -> ModuleT:
        """The module at one level, as `module` of a step: a copy."""
        with self._module.located():
            return type(self._module)(self._whole().at_level(level, shapes))

    def _whole(self) -> Program:
        if self._program is None:
            raise GraphError(
                "the function was lowered before it was compiled: its module is all that there is"
            )
        return self._program

    def __reduce__(self) -> Any:
        """A copy is compiled again, and has variables of its own."""
        module, name, *options = self._made_of
        return _compiled_again, (module, self.target, name, dict(self.variables), self._pipeline, *options)

    def __repr__(self) -> str:
        return f"<CompiledModule of @{self._made_of[1]} on {self.target}>"


def _compiled_again(
    module: ModuleT,
    target: str,
    name: str,
    variables: Mapping[str, Array],
    passes: PassPipeline,
    kept_shapes: int,
    verify_each: bool,
) -> CompiledModule[ModuleT]:
    return CompiledModule(
        module, target, ModuleFunction(module, name), variables, passes, kept_shapes, verify_each
    )
