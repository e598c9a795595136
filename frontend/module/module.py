"""`Module`: a program at any level, which can be printed, verified, lowered, run, explained and compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pullback.dialects.graph.tensor.types import GraphError
from pullback.driver.checking.report import GradientCheckError, GradientReport
from pullback.driver.kept_shapes import KEPT_SHAPES
from pullback.driver.module_functions import functions_of
from pullback.frontend.module.compiled_module import CompiledModule
from pullback.frontend.module.given_arrays import Given, given_arrays
from pullback.frontend.module.module_function import ModuleFunction
from pullback.frontend.module.module_text import ModuleText
from pullback.frontend.module.pass_pipeline import Passes
from pullback.frontend.module.program_error import ProgramError
from pullback.frontend.module.run_results import RunResults
from pullback.process.quiet_collector import quiet_collector

if TYPE_CHECKING:
    from pullback.passes.explain.explanation import Explanation
    from pullback.passes.pipeline.levels import LevelName

__all__ = ["Module"]


class Module(ModuleText):
    """A program at any level: its operations in memory, which `str` prints as MLIR text and `parse` reads back.

    All that rewrites a program (`to_level`, a `pipeline`) gives a new module and leaves this one as it is; so after an
    error it is what it was. `op` is xDSL's own object, for whoever wants to rewrite it in place.

    Two modules are equal if they have the same operations with the same types, attributes and locations; what their
    text calls values (`%0`) does not count. A module can be copied and pickled.

    Args:
        op: a module of xDSL, which is held and not copied; or a `Graph`, which is copied.
    """

    DOCUMENTED: ClassVar = (
        "op",
        "level",
        "functions",
        "text",
        "print",
        "write",
        "verify",
        "to_level",
        "translate",
        "run",
        "compile",
        "explain",
        "check_gradients",
        "copy",
    )

    @property
    def level(self) -> LevelName | None:
        """The level, found from the operations and types; None where these are of no one level.

        Of several levels it is the one that promises most: a graph without requests and markers is of level `"graph"`.
        """
        from pullback.passes.pipeline.verify_level import level_of

        return level_of(self.op)

    @property
    def functions(self) -> Mapping[str, ModuleFunction]:
        """The functions that have a body, by name; each can be called with arrays."""
        return {name: ModuleFunction(self, name) for name in functions_of(self.op)}

    def to_level(
        self,
        level: LevelName,
        target: str | None = None,
        shapes: Sequence[Sequence[int] | None] | None = None,
        function: str = "main",
    ) -> Module:
        """A new module of a level further down, by the pipelines that lead there; the same program, if it is there.

        They are `gradients` and `finish` down to level `"graph"`, and below it the target's: `-p` takes the same ones.
        Schedules and a memory plan that are there stay as they are: someone may have edited them.

        Args:
            level: `"gradients"`, `"graph"`, `"kernels"`, `"loops"` or `"gpu"`.
            target: whose pipeline leads below level `"graph"`; the first that goes through the level unless given.
            shapes: below level `"graph"`, where types have a `?`: one shape for each argument of the function, None for
                one that its type says.
            function: the function that the shapes are for.

        Raises:
            ProgramError: no pipeline leads there, or what a pass says of the program, such as a missing rule.
            ValueError: the level, the target or the function is not known.
        """
        from pullback.driver.to_level import to_level

        made = self.copy()
        with self.located(), quiet_collector():
            to_level(made.op, level, target, shapes, function)
        return made

    def translate(self, form: str) -> str:
        """The text in another form than MLIR: what `pullback-opt -t` prints.

        Args:
            form: `"llvm-ir"` of a module of level `"loops"`, `"cuda-cpp"` of one of level `"gpu"`, or one of an
                extension: of its target, or of its own.

        Raises:
            ProgramError: the module is not of the level that has this form.
            ValueError: for an unknown form.
        """
        from pullback.driver.targets.forms_of_output import translated

        with self.located():
            return translated(self.op, form)

    def run(
        self,
        arrays: Given = (),
        target: str = "numpy",
        function: str = "main",
        variables: Mapping[str, Any] | None = None,
    ) -> RunResults:
        """Runs a function as it stands, at any level that the target runs; nothing is compiled for later.

        A function on tensors runs on every target, one of level `"loops"` on `"cpu"` and on `"numpy"` (the interpreter,
        which checks each access), one of level `"gpu"` on `"simt"`, `"fibers"` and `"cuda"`. A lowered function, too,
        takes its inputs and gives its outputs; of one that was written by hand on memory every argument is a result,
        and what is not given begins undefined. The arrays given are never changed.

        Args:
            arrays: one for each input, in order, or a dict by the names of inputs. Numbers and lists take the input's
                dtype, arrays must have it.
            target: the name of a registered target.
            function: the name of the function.
            variables: the contents of each variable by name; those after the run are in `variables` of the results.

        Returns:
            The results as a tuple whose items have names: see `RunResults`.

        Raises:
            ProgramError: the function cannot be run: it asks for gradients, or the target does not run its level.
            ValueError: arrays that do not fit (a `TypeError`, too, where it is the dtype), or an unknown name.
        """
        return self.function(function).run(arrays, target, variables)

    def compile(
        self,
        target: str = "cpu",
        function: str = "main",
        variables: Mapping[str, Any] | None = None,
        *,
        pipeline: Passes = (),
        kept_shapes: int = KEPT_SHAPES,
        verify_each: bool = False,
    ) -> CompiledModule[Module]:
        """Compiles a function: it is lowered once, for each new shape of its inputs, and can be called often.

        Requests for gradients are expanded first, what the function calls is inlined. At level `"kernels"` schedules
        and a memory plan stay, and a function that was lowered for the target is taken as it is.

        Args:
            target: the name of a registered target.
            function: the name of the function.
            variables: the contents of each variable by name; calls read and update a copy of them.
            pipeline: passes of your own, from the finished graph on, as in `pb.compile`.
            kept_shapes: for how many different shapes of its inputs it is kept compiled.
            verify_each: whether the program is run after each pass of each compilation, as in `pb.compile`.

        Raises:
            ProgramError: what a pass says of the program.
            ValueError: for an unknown target or function, variables that are missing or do not fit, or a pipeline that
                ends at a level that the target does not run.
        """
        chosen = self.function(function)
        return CompiledModule(
            self.copy(), target, chosen, variables or {}, pipeline, kept_shapes, verify_each
        )

    def explain(self, x: str, *, ys: str | Sequence[str] = ()) -> list[Explanation]:
        """Explains the gradient with respect to a value: its path, or where it ends if there is none.

        Args:
            x: the value: `"%w"` as in the text, `"layer/tanh"` as in a location, `"@loss:%w"` in the function `@loss`.
            ys: what is differentiated, one or several; unless given, what the requests ask for, or what the function
                returns.

        Returns:
            An explanation for each request about x, or one if there is none.

        Raises:
            ProgramError: there is no such value, or there are several.
        """
        from pullback.passes.explain.question import explanations  # as the checks below, for those who ask

        function, _, name = x.rpartition(":")
        of = ys if isinstance(ys, str) else ",".join(ys)
        asked = ":".join(part for part in (function, of, name) if part)
        made = self.copy()
        with self.located():
            return explanations(made.source, asked, name="x")

    def check_gradients(
        self,
        inputs: Given | None = None,
        variables: Mapping[str, Any] | None = None,
        *,
        function: str = "main",
        wrt: Sequence[str] | None = None,
        order: int = 2,
        between: tuple[float, float] | None = None,
        directions: int = 1,
        seed: int = 0,
        step: float | None = None,
        tolerance: float | None = None,
    ) -> GradientReport:
        """Compares the gradients of a function with finite differences, as `pb.check_gradients` does.

        These are the gradients that its requests ask for; of a function without requests, those of what it returns with
        respect to its arguments and variables.

        Args:
            inputs: where; what is not given is random.
            variables: their contents; what is not given is random.
            function: the name of the function.
            wrt: the values, in place of requests.
            order, between, directions, seed, step, tolerance: as in `pb.check_gradients`.

        Raises:
            GradientCheckError: they differ: the message says where, and whose rule is wrong; `report` has the numbers.
            ProgramError: the function cannot be differentiated or run.
            ValueError: an order or a number of directions below 1, or arrays that do not fit.
        """
        from pullback.driver.checking.check_function import (
            CheckOptions,
            EvaluationPoint,
            check_counts,
            check_function,
        )
        from pullback.driver.checking.check_gradients import asked_of, without_calls

        check_counts(order=order, directions=directions)
        chosen = self.function(function)
        given = given_arrays(inputs or {}, chosen.inputs, "input", may_be_missing=True)
        contents = given_arrays(variables or {}, chosen.variables, "variable", may_be_missing=True)
        made = self.copy()
        try:
            with self.located():
                op = functions_of(without_calls(made.op))[function]
                point = EvaluationPoint([given.get(name) for name in chosen.inputs], contents, between)
                options = CheckOptions(range(1, order + 1), directions, seed, step, tolerance)
                return check_function(op, asked_of(op, wrt), point, options)
        except ProgramError as error:
            wrong = error.raised
            if isinstance(wrong, GradientCheckError):
                raise GradientCheckError(str(error), wrong.report, wrong.op) from wrong
            raise

    def function(self, name: str) -> ModuleFunction:
        """The function of a name; `ValueError` if there is none."""
        functions = self.functions
        if name not in functions:
            there = ", ".join(functions) or "none"
            raise GraphError(f"the module has no function {name!r}; it has: {there}")
        return functions[name]

    def __repr__(self) -> str:
        public = [f for f in self.functions.values() if f.op.sym_visibility is None]
        return f"<Module of level {self.level}: {', '.join(map(repr, public)) or 'no function'}>"
