"""`function`: a function of tensors, called with arrays: traced and compiled once for each kind of arguments."""

from __future__ import annotations

import inspect
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, overload

from pullback.dialects.graph.state.variables import Update
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.functions.creation import placeholder
from pullback.frontend.graph.graph import Graph, graph_of
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.variable import Variable
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.trace.function_calls import (
    Static,
    TracedCall,
    split_static,
    surrounding_graph,
    with_constants,
)
from pullback.frontend.trace.step import Step
from pullback.process.locks import Lock

if TYPE_CHECKING:
    from pullback.frontend.module.module import Module
    from pullback.passes.pipeline.levels import LevelName

KEPT_TRACES = 64
"""The number of latest kinds of arguments for which a function is kept compiled."""


class Function:
    """A function of tensors that takes arrays: see `function`."""

    def __init__(
        self,
        function: Callable[..., Any],
        target: str = "cpu",
        static: Sequence[str] = (),
        device_outputs: bool = False,
    ) -> None:
        self.function = function
        self.target = target
        self._device_outputs = device_outputs
        self.static = _checked_static(function, static)
        self._traces: OrderedDict[Hashable, Trace] = OrderedDict()
        self._was_traced = False
        self._makes_no_variables = False
        """Whether it must not make variables: it has made some, or the function that it is a copy of has."""
        self._tracing = Lock()
        update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Calls the function: gives arrays for arrays, tensors for tensors or inside of `with Graph()`."""
        nest = Nest.of((args, options))
        graph = surrounding_graph(nest)
        if graph is not None:
            args, options = with_constants(nest, graph)
            with graph.current():
                return self.function(*args, **options)
        call = self._call(nest, args, options)
        return self._trace(call)(call.arrays)

    def graph(self, *args: Any, **options: Any) -> Graph:
        """The graph that is built for these arguments."""
        return self._trace(self._call(Nest.of((args, options)), args, options)).graph

    def ir(self, level: str, *args: Any, **options: Any) -> str:
        """The text for these arguments at a level: `"graph"`, `"kernels"`, `"llvm"` or another one of a `Step`."""
        call = self._call(Nest.of((args, options)), args, options)
        return self._trace(call).step.ir(level, [array.shape for array in call.arrays])

    def module(self, level: LevelName, *args: Any, **options: Any) -> Module:
        """The module for these arguments at a level, of which `ir` prints the text: a copy."""
        call = self._call(Nest.of((args, options)), args, options)
        return self._trace(call).step.module(level, [array.shape for array in call.arrays])

    def __reduce__(self) -> Any:
        """Pickles by name, as Python's functions, where it is found under its name.

        Others are made anew of copies of their parts, and traced again. One that has made variables may not make them
        anew: its copy would begin with other contents.
        """
        if found_under_its_name(self):
            return vars(self)["__qualname__"]
        made = {"_makes_no_variables": self._makes_no_variables}
        return type(self), (self.function, self.target, self.static, self._device_outputs), made

    def __repr__(self) -> str:
        return f"<Function {self._name!r} on {self.target}>"

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def _call(self, nest: Nest, args: tuple[Any, ...], options: Mapping[str, Any]) -> TracedCall:
        static: Static = {}
        if self.static:
            nest, static = split_static(self.function, args, options, self.static)
        return TracedCall.of(self.function, nest, static, self._takes_device_arrays)

    @cached_property
    def _takes_device_arrays(self) -> bool:
        from pullback.driver.targets.registry import target_named  # with the passes, by the first call

        return target_named(self.target).device_executor is not None

    def _trace(self, call: TracedCall) -> Trace:
        key = call.key()
        with self._tracing:  # of several threads one traces, and the others find what it has made
            trace = self._traces.pop(key, None)
            if trace is None:
                makes_variables = not (self._was_traced or self._makes_no_variables)
                trace = Trace.of(call, self._name, self.target, makes_variables, self._device_outputs)
                self._was_traced = True
                self._makes_no_variables |= trace.graph.made_variables
            self._traces[key] = trace
            while len(self._traces) > KEPT_TRACES:
                self._traces.popitem(last=False)
        return trace


def found_under_its_name(function: Any) -> bool:
    """Tells whether a module has this very object under its qualified name."""
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    return found is function


def static_of(function: object) -> tuple[str, ...]:
    """The names of arguments that are no arrays, where a function is one of ours."""
    return function.static if isinstance(function, Function) else ()


def _checked_static(function: Callable[..., Any], static: Sequence[str]) -> tuple[str, ...]:
    if isinstance(static, str):
        raise ArgumentTypeError(f"function: static: expected a list of names, got the string {static!r}")
    if not static:
        return ()
    known = inspect.signature(function).parameters
    for name in static:
        if name not in known:
            raise GraphError(
                f"function: static: no argument is called {name!r}, there are {', '.join(known)}"
            )
    return tuple(static)


@dataclass(frozen=True)
class Trace:
    """A function, built and compiled for arguments of one kind."""

    graph: Graph
    step: Step
    outputs: Nest

    @classmethod
    def of(
        cls, call: TracedCall, name: str, target: str, makes_variables: bool, device_outputs: bool = False
    ) -> Trace:
        """Calls the function once, with a placeholder for each array."""
        graph = Graph()
        graph.adopts_variables, graph.makes_variables = True, makes_variables
        graph.draws.shared = True
        with graph.current():
            inputs = [
                placeholder(a.dtype, a.shape, n) for a, n in zip(call.arrays, call.names(), strict=True)
            ]
            outputs = Nest.of(call.applied(inputs))
            labels = outputs.labels(f"{name}(…)")
            leaves = [_output(leaf, label, graph) for leaf, label in zip(outputs.leaves, labels, strict=True)]
            updates = tuple(op for op in graph.body.walk() if isinstance(op, Update))
            outcome = [*leaves, Operation(updates, graph, "updates")]
            step = Step(inputs, outcome, target, device_outputs=device_outputs)
        return cls(graph, step, outputs)

    def __call__(self, arrays: Sequence[Any]) -> Any:
        *values, _ = self.step(*arrays)  # the last one is that of the updates
        return self.outputs.rebuilt(values)


def _output(leaf: object, label: str, graph: Graph) -> object:
    """A result as something to compile; numbers and arrays become constants."""
    if isinstance(leaf, Variable | Operation):
        return leaf
    tensor = leaf.tensor if isinstance(leaf, IndexedSlices) else as_tensor(leaf, label)
    if graph_of(tensor.value) is not graph:
        raise GraphError(
            f"{label}: '{tensor.name}' belongs to another graph: return what is computed from the arguments here"
        )
    return tensor


@overload
def function(
    f: None = None, *, target: str = "cpu", static: Sequence[str] = (), device_outputs: bool = False
) -> Callable[[Callable[..., Any]], Function]: ...


@overload
def function(
    f: Callable[..., Any], *, target: str = "cpu", static: Sequence[str] = (), device_outputs: bool = False
) -> Function: ...


def function(
    f: Any = None, *, target: str = "cpu", static: Sequence[str] = (), device_outputs: bool = False
) -> Any:
    """Decorator: makes a function of tensors one that takes and gives arrays, compiled.

        @pb.function
        def step(params, x):
            return {name: x @ w for name, w in params.items()}

    Arguments and results are nests (pytrees: lists, tuples, dicts, dataclasses) of arrays and numbers. The first
    call with arguments of a form, and of these dtypes and shapes, traces the function: runs it on tensors that
    take their place, and compiles the graph. Later ones run what was compiled. So Python's own effects happen once,
    and what the function reads besides its arguments is as it was then, variables excepted: those are read and
    updated at each call, in order. The first call may make variables, and so may optimizers in it.

    Numbers become f32, i32 and i1; arrays keep their dtype. `None` is an empty nest. Called with tensors, or inside
    of `with Graph()`, the function just adds to the graph.

    Args:
        f: the function; without it the result is a decorator.
        target: what it is compiled for, as in `compile`.
        static: names of arguments that are no arrays, but part of what is traced, such as a mode or a depth; of
            hashable values.
        device_outputs: whether results stay on the device, as in `compile`.

    Raises:
        ValueError: when called, for arguments that are no nests of arrays, for results that are no tensors, and for
            a tensor of another graph or call, and for a variable that is made anew at a later trace.
    """
    if f is None:
        return lambda decorated: function(  # pyright: ignore[reportUnknownLambdaType]
            decorated, target=target, static=static, device_outputs=device_outputs
        )
    if not callable(f):
        raise ArgumentTypeError(f"function: expected a function of tensors, got {type(f).__name__}")
    return Function(f, target, static, device_outputs)


__all__ = ["Function", "function"]
