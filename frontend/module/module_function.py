"""`ModuleFunction`: one function of a module, and running it on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from xdsl.dialects import func
from xdsl.ir import Attribute

from pullback.dialects.graph.kernel.argument_roles import VARIABLE, argument_roles
from pullback.dialects.graph.tensor.arrays import Array
from pullback.driver.module_functions import (
    arguments_of,
    functions_of,
    is_on_memory,
    result_names,
    variables_of,
)
from pullback.frontend.module.given_arrays import Given, given_arrays
from pullback.frontend.module.module_text import ModuleText
from pullback.frontend.module.run_results import RunResults
from pullback.passes.rewriting.limits import MAX_OPERATIONS

__all__ = ["ModuleFunction"]


class ModuleFunction:
    """A function of a module: `module.functions["main"]`. Called with arrays it is run, on target `"numpy"`.

    `str` prints its text.
    """

    DOCUMENTED: ClassVar = ("name", "op", "inputs", "results", "variables")

    def __init__(self, module: ModuleText, name: str) -> None:
        self._module = module
        self._name = name

    @property
    def name(self) -> str:
        """What the text calls it, without the `@`."""
        return self._name

    @property
    def op(self) -> func.FuncOp:
        """The operation, xDSL's own object."""
        return functions_of(self._module.op)[self._name]

    @property
    def inputs(self) -> Mapping[str, Attribute]:
        """The types of what it takes, by name, without what a lowering has added: outputs, variables and the arena."""
        types = arguments_of(self.op)
        roles = argument_roles(self.op) or ["input"] * len(types)
        return {
            name: type_ for (name, type_), role in zip(types.items(), roles, strict=True) if role == "input"
        }

    @property
    def results(self) -> Mapping[str, Attribute]:
        """The types of what a run gives, by name; of a lowered function its outputs."""
        types = arguments_of(self.op)
        if not is_on_memory(self.op):
            return dict(zip(result_names(self.op), self.op.function_type.outputs.data, strict=True))
        roles = argument_roles(self.op) or ["output"] * len(types)
        return {
            name: type_ for (name, type_), role in zip(types.items(), roles, strict=True) if role == "output"
        }

    @property
    def variables(self) -> Mapping[str, Attribute]:
        """The types of the contents of the variables that a run needs, by name."""
        if not is_on_memory(self.op):
            return variables_of(self._module.op)
        types = arguments_of(self.op).values()
        roles = zip(argument_roles(self.op), types, strict=False)
        return {role.removeprefix(VARIABLE): type_ for role, type_ in roles if role.startswith(VARIABLE)}

    def __call__(
        self, *arrays: Any, target: str = "numpy", variables: Mapping[str, Any] | None = None
    ) -> RunResults:
        """Runs the function, as `Module.run` does."""
        return self.run(arrays, target, variables)

    def run(
        self, arrays: Given, target: str = "numpy", variables: Mapping[str, Any] | None = None
    ) -> RunResults:
        """Runs the function: see `Module.run`."""
        from pullback.driver.run_function import run_on_memory
        from pullback.driver.targets.registry import target_named

        target_named(target)
        on_memory, op = is_on_memory(self.op), self.op
        given = given_arrays(
            arrays, self.inputs, "input", may_be_missing=on_memory and not argument_roles(op)
        )
        contents = {
            name: array.copy()
            for name, array in given_arrays(variables or {}, self.variables, "variable").items()
        }
        with self._module.located():
            if on_memory:
                left = run_on_memory(self._module.copy().op, self._name, given, contents, target)
                return RunResults(list(left.values()), list(left), contents)
            names = result_names(op)
            return RunResults(self._on_tensors(list(given.values()), contents, target), names, contents)

    def _on_tensors(self, inputs: list[Array], variables: Mapping[str, Array], target: str) -> list[Any]:
        from pullback.driver.run_function import run_on_tensors
        from pullback.driver.targets.registry import target_named
        from pullback.passes.calls.call_order import graph_calls
        from pullback.passes.calls.inline_calls import check_expansion

        module = self._module
        calls = graph_calls(module.op)
        check_expansion(module.op, calls, MAX_OPERATIONS)
        # A target that compiles inlines calls.
        rewritten = module.copy() if calls and target_named(target).run_graph is None else module
        return list(run_on_tensors(rewritten.op, self._name, inputs, variables, target))

    def __str__(self) -> str:
        return f"{self.op}\n"

    def __repr__(self) -> str:
        takes = ", ".join(f"{name}: {type_}" for name, type_ in self.inputs.items())
        gives = ", ".join(f"{name}: {type_}" for name, type_ in self.results.items())
        return f"@{self._name}({takes}) -> ({gives})"
