"""`compile`: compiles the part of a graph between inputs and outputs to a function on NumPy arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from operator import is_
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation as IROperation
from xdsl.ir import SSAValue

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    SlicesType,
    element_type_of,
    numpy_dtype,
)
from pullback.dialects.ir.diagnostics import note_place
from pullback.dialects.ir.operations_within import operations_within
from pullback.driver.kept_shapes import KEPT_SHAPES
from pullback.driver.storage import StoredVariables
from pullback.driver.whole_call import RunsWholeCalls, WholeCall, refused
from pullback.frontend.graph.graph import Graph, GraphBlock, common_graph, is_placeholder
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.step_parameter import StepParameter
from pullback.frontend.trace.fetches import Leaf, SlicesLeaf, anchors_of, leaves_of
from pullback.frontend.trace.subgraph import slice_function
from pullback.passes.simplify.side_effects import updates_in
from pullback.process.locks import COMPILING, holding, in_order
from pullback.process.quiet_collector import quiet_collector

if TYPE_CHECKING:
    from pullback.driver.program import Shapes
    from pullback.frontend.module.module import Module
    from pullback.frontend.module.pass_pipeline import Passes
    from pullback.passes.pipeline.levels import LevelName

__all__ = ["Step", "compile"]


class Step:
    """A compiled part of a graph: takes one array per input, and returns the outputs in their nest."""

    def __init__(
        self,
        inputs: Sequence[Tensor],
        outputs: Any,
        target: str,
        labels: tuple[str, str] = ("inputs", "outputs"),
        kept_shapes: int = KEPT_SHAPES,
        verify_each: bool = False,
        passes: Passes = (),
        debug: bool | str | os.PathLike[str] = False,
        device_outputs: bool = False,
    ) -> None:
        # Passes and targets are imported by who compiles: graphs are also built to be printed, or for other tools.
        from pullback.driver.debug_files import DebugFiles
        from pullback.driver.program import Program
        from pullback.driver.targets.registry import target_named
        from pullback.frontend.module.pass_pipeline import for_target, pipeline

        self._verify_each = verify_each
        on_device = target_named(target).device_executor is not None
        self.parameters = [_parameter(tensor, on_device) for tensor in inputs]
        self._pipeline = pipeline(passes)
        self._made_of = tuple(inputs), labels, kept_shapes, verify_each, self._pipeline, debug, device_outputs
        self._nest = Nest.of(outputs, none_is_leaf=True)
        self._leaves = leaves_of(self._nest, labels[1])
        graph = common_graph([*((labels[0], t.value) for t in inputs), *anchors_of(self._leaves)]) or Graph()
        with COMPILING, quiet_collector():
            module = slice_function(
                graph,
                _checked_inputs([t.value for t in inputs], labels[0]),
                [o for leaf in self._leaves for o in leaf.outputs],
                [op for leaf in self._leaves for op in leaf.updates],
            )
        used = _variables_in(module, graph)
        # What a pass of the user changes is not known before it has run.
        changed = _updated_in(module) if not self._pipeline else set(used)
        self._variables = StoredVariables({name: v.storage for name, v in used.items()}, changed)
        self._locks = in_order([variable.lock for variable in used.values()])
        self._debug = DebugFiles(debug) if debug else None
        self._program = Program(
            module, target, kept_shapes, for_target(self._pipeline, target), self._debug, device_outputs
        )
        places = _places(outputs, self._nest, self._leaves)
        self._is_as_returned = places is not None
        """Whether a call as a whole returns the outputs in their nest already."""
        count = sum(len(leaf.outputs) for leaf in self._leaves)
        self._whole_call = WholeCall(
            dtypes=tuple(parameter.dtype for parameter in self.parameters),
            places=tuple(range(count)) if places is None else places,
            length=count if places is None else len(self._leaves),
            is_alone=places is not None and type(outputs) is not list,
            variables=self._variables,
            locks=self._locks,
        )
        self._run: Callable[..., Any] = refused
        """What did all of the latest call, as one native function."""
        self._known: tuple[object, Callable[..., Any]] = None, refused
        """The latest executor, and such a function of it."""

    def __call__(self, *arrays: Any) -> Any:
        """Runs the step: alone with its variables, where other threads run steps that use them.

        Raises:
            TypeError: for a wrong number of arrays or a wrong dtype.
            ValueError: for a wrong shape.
        """
        results = self._run(*arrays)
        return self._called(arrays) if results is NotImplemented else results

    def _called(self, arrays: Sequence[Any]) -> Any:
        """Says what is wrong with the arrays, or converts them, and compiles the step for their shapes."""
        if len(arrays) != len(self.parameters):
            names = ", ".join(p.name for p in self.parameters)
            raise TypeError(f"the step takes {len(self.parameters)} inputs ({names}), got {len(arrays)}")
        inputs = [
            array if _fits(array, parameter) else parameter.accept(array, f"input '{parameter.name}'")
            for array, parameter in zip(arrays, self.parameters, strict=True)
        ]
        if self._verify_each:
            from pullback.driver.checking.verified_program import verified_executor

            run = holding(self._locks, verified_executor, self._program, inputs, self._variables)
        else:
            run = self._program.executor(inputs)
            known = self._known  # one look, since other threads may change it
            if known[0] is not run:
                known = self._known = run, self._as_a_whole(run)
            self._run = known[1]
            results = known[1](*inputs)
            if results is not NotImplemented:
                return results
        return _in_nest(self._nest, self._leaves, holding(self._locks, run, inputs, self._variables))

    def _as_a_whole(self, executor: object) -> Callable[..., Any]:
        """All of a call as one function, or what refuses each."""
        run = executor.whole(self._whole_call) if isinstance(executor, RunsWholeCalls) else None
        if run is None or self._is_as_returned:
            return run or refused
        nest, leaves = self._nest, self._leaves  # what the step has must not have the step

        def called(*arrays: Any) -> Any:
            results = run(*arrays)
            return results if results is NotImplemented else _in_nest(nest, leaves, results)

        return called

    def __reduce__(self) -> Any:
        """A copy is compiled again, of a copy of the graph, whose variables it reads and updates."""
        inputs, labels, *options = self._made_of
        outputs = self._nest.rebuilt(self._nest.leaves)
        return type(self), (inputs, outputs, self.target, labels, *options)

    @property
    def debug_folder(self) -> Path | None:
        """The folder with the program, the LLVM IR and the library of each compilation, for `compile(debug=…)`."""
        return None if self._debug is None else self._debug.folder

    def ir(self, level: str = "graph", shapes: Shapes | None = None, *, debuginfo: bool = False) -> str:
        """The text at one level: `"gradients"` (as built), `"graph"` (finished), or what a target shows.

        Target `"cpu"` shows `"kernels"`, `"loops"` and `"llvm"`, targets `"simt"` and `"fibers"` show `"kernels"`,
        `"gpu"` and `"cuda"`, and target `"cuda"` its `"plan"`, too; the step's own target comes first. These are for
        static shapes: those of the latest new call, or `shapes`. With `debuginfo` the locations of MLIR have the line
        of Python at which each operation was written: `loc("tanh"("model.py":17:5))`.

        Raises:
            ValueError: for an unknown level, or if shapes are needed.
        """
        return self._program.ir(level, shapes, debuginfo=debuginfo)

    def module(self, level: LevelName = "graph", shapes: Shapes | None = None) -> Module:
        """The module of one level, of which `ir` prints the text: a copy, to run, rewrite and lower.

        Raises:
            ValueError: for an unknown level, one that is a text such as `"llvm"`, or if shapes are needed.
        """
        from pullback.frontend.module.module import Module

        return Module(self._program.at_level(level, shapes))

    @property
    def target(self) -> str:
        """The name of the target that the step runs on."""
        return self._program.target


def compile(
    inputs: Sequence[Tensor],
    outputs: Any,
    target: str = "cpu",
    *,
    kept_shapes: int = KEPT_SHAPES,
    verify_each: bool = False,
    pipeline: Passes = (),
    debug: bool | str | os.PathLike[str] = False,
    device_outputs: bool = False,
) -> Step:
    """Compiles a function from arrays to arrays: the slice of the graph that the outputs need.

    Args:
        inputs: tensors, usually placeholders, that the step is called with, in this order.
        outputs: a nest (list, tuple, dict) of tensors, slices, variables (their contents at the end) and
            operations, which give `None`. All happens in the order in which the graph was built.
        target: the name of a registered target: `"cpu"` for native code, `"numpy"` for the evaluator, `"simt"` for the
            GPU emulator, `"fibers"` for CUDA text on the CPU, or one of an extension.
        kept_shapes: for how many different shapes of its inputs the step is kept compiled. Where there are more, those
            whose use lies furthest back go, and the memory of their code is given back.
        pipeline: passes of your own, as `pb.pipeline` takes them. They begin at the finished graph, whose shapes are
            static where the target needs that, and the target's passes lead on from the level at which they end. So
            `"my-pass"` is run between the graph and the target's passes, `"form-kernels{max-ops=8},plan-memory"` takes
            the place of those that make kernels, and `"kernels,loops"` is all that target `"cpu"` does. Options that
            tell passes what the target can do are filled in where they are left open. Each pass is verified.
        verify_each: for whom suspects the compiler: the program runs after each pass of each compilation, on the arrays
            of the first call with new shapes, and must give the same numbers as before up to rounding. The call raises
            `ResultChangedError` where it does not: a pass, or the code of the target, is wrong.
        debug: for profilers and debuggers: the code of target `"cpu"` has debug lines, each of the operation at level
            `"kernels"` that it computes. For each compilation the text of that level, the LLVM IR and a shared library
            are written to the folder of this path, or with `True` to a new one among the temporary files,
            `step.debug_folder`. They stay when the step goes. A C compiler links the library.
        device_outputs: whether outputs stay on the device, as `DeviceArray`s. Then a call of target `"cuda"` returns
            before the device is done, and what fails there is raised where an output is read. Other targets compute on
            the host, and refuse it. Inputs may be on the device in either case: those of other libraries, too.

    Raises:
        ValueError: for anything else among them, tensors of several graphs, a placeholder that is needed and
            not among the inputs, an unknown target, a pipeline that is wrong or ends at a level that the target does
            not run, `debug` for a target without code of its own, `device_outputs` for one without a device, or
            where no shape may be kept.
        OSError: the folder for `debug` cannot be made, or nothing links the library.
    """
    if not isinstance(inputs, list | tuple):
        raise ArgumentTypeError(f"inputs: expected a list of tensors, got {type(inputs).__name__}")
    tensors = [_input(value, f"inputs[{i}]") for i, value in enumerate(inputs)]
    return Step(
        tensors,
        outputs,
        target,
        kept_shapes=kept_shapes,
        verify_each=verify_each,
        passes=pipeline,
        debug=debug,
        device_outputs=device_outputs,
    )


def _input(value: object, label: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise ArgumentTypeError(f"{label}: expected a tensor, got {type(value).__name__}")
    return value


def _places(outputs: object, nest: Nest, leaves: Sequence[Leaf]) -> tuple[int, ...] | None:
    """Where the results are in the outputs: of one leaf, or a list of leaves, of which none has several results."""
    items: list[object] = cast("list[object]", outputs) if type(outputs) is list else [outputs]
    if len(items) != len(leaves) or not all(map(is_, items, nest.leaves)):
        return None
    if any(isinstance(leaf, SlicesLeaf) for leaf in leaves):
        return None
    return tuple(at for at, leaf in enumerate(leaves) if leaf.outputs)


def _in_nest(nest: Nest, leaves: Sequence[Leaf], results: Iterable[Any]) -> Any:
    """The outputs, from the results of the program."""
    taken = iter(results)
    return nest.rebuilt(leaf.value(taken) for leaf in leaves)


def _fits(array: object, parameter: StepParameter) -> bool:
    return type(array) is np.ndarray and array.dtype == parameter.dtype and array.flags.carray


def _parameter(tensor: Tensor, may_be_on_device: bool) -> StepParameter:
    if isinstance(tensor.type, SlicesType):
        raise ArgumentTypeError(f"'{tensor.name}' is indexed slices: feed their values and indices instead")
    return StepParameter(tensor.name, numpy_dtype(element_type_of(tensor.type)), may_be_on_device)


def _checked_inputs(values: Sequence[SSAValue], label: str) -> Sequence[SSAValue]:
    seen: set[SSAValue] = set()
    for i, value in enumerate(values):
        if value in seen:
            raise GraphError(f"{label}[{i}]: '{name_of_value(value)}' is among the inputs twice")
        if not is_placeholder(value) and _is_inside_loop(value):
            error = GraphError(
                f"{label}[{i}]: '{name_of_value(value)}' is defined inside a loop and cannot be given"
            )
            raise note_place(error, value)
        seen.add(value)
    return values


def _is_inside_loop(value: SSAValue) -> bool:
    owner = value.owner
    block = owner.parent if isinstance(owner, IROperation) else owner
    return not isinstance(block, GraphBlock)


def _updated_in(module: ModuleOp) -> set[str]:
    """The variables that a step may change: all of them, where an operation has an effect that is not known."""
    from pullback.driver.run_pipeline import main_function

    found = {label for op in main_function(module).body.block.ops for label in updates_in(op)}
    if None in found:
        return {op.label for op in operations_within(module) if isinstance(op, VariableOp)}
    return {label for label in found if label is not None}


def _variables_in(module: IROperation, graph: Graph) -> dict[str, Any]:
    labels = [op.label for op in operations_within(module) if isinstance(op, VariableOp)]
    return {label: graph.variables[label] for label in labels}
