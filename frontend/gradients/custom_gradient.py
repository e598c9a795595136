"""Functions of tensors with gradients of their own: `custom_gradient`, and two decorators made with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation as IROperation
from xdsl.ir import OpResult, SSAValue

from pullback.dialects.graph.elementwise.basic import Identity
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient, PreventGradient
from pullback.dialects.graph.state.control_flow import captured_values
from pullback.dialects.graph.tensor.tensor import Number, Operand, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    SlicesType,
    VariableType,
    compatible_types,
    data_type_of,
    differentiable_type,
)
from pullback.frontend.gradients.gradients import gradients
from pullback.frontend.gradients.hoist_reads import hoist_reads
from pullback.frontend.graph.emit import named_as
from pullback.frontend.graph.graph import Graph, common_graph, current_graph
from pullback.frontend.handles.control_dependencies import tuple_of
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.random_state import source_of_keys
from pullback.frontend.handles.unwrap import handle_of
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.convert import as_tensor

__all__ = ["custom_gradient", "grad_pass_through", "prevent_gradient", "recompute_grad"]

Function = Callable[..., Any]


def prevent_gradient(x: Operand, message: str = "", name: str | None = None) -> Tensor:
    """The identity, through which `gradients` raises `LookupError` with the message (`stop_gradient` gives `None`)."""
    value = as_tensor(x, "prevent_gradient")
    if not isinstance(message, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"prevent_gradient: message: expected a string, got {type(message).__name__}")
    reason = {"message": StringAttr(message)} if message else {}
    return named_as(name, lambda: PreventGradient.of(value, **reason))


def custom_gradient(function: Function) -> Function:
    """Decorator: gives a function of tensors a gradient of its own.

        @pb.custom_gradient
        def log1pexp(x):
            e = pb.exp(x)
            return pb.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))

    `function` returns its outputs and a gradient function. That one gets the gradient of each output (`None` for
    an output that is not floating-point) and returns one gradient, or `None`, for each tensor and number among the
    arguments. It is called once, when the outputs are built. It may use whatever the outputs were computed from, and is
    differentiated in turn at higher orders; variables that it reads are read where the outputs are computed.

    Tensors and variables that `function` uses without getting them as arguments have their ordinary gradient, of
    the operations that compute the outputs. In text it is `graph.custom_gradient`, with the gradient function as
    its region.

    Args:
        function: of tensors, in nests if need be, and numbers, which stay what they are. So do keyword
            arguments: a tensor among them counts as not given as an argument.

    Raises:
        ValueError: when the decorated function is called: for what it returns in place of a pair, a number of
            gradients other than that of the arguments' tensors, or a gradient of another dtype or shape than its
            argument's. The graph is then as it was.
    """
    what = _checked_function(function, "custom_gradient")

    @wraps(function)
    def differentiated(*args: Any, **options: Any) -> Any:
        return _CustomGradientCall(function, what, args, options).with_gradient()

    return differentiated


def grad_pass_through(function: Function) -> Function:
    """Decorator: a straight-through gradient, unchanged from each output to the argument at its position.

    Good for what has no useful gradient, such as rounding: `pb.grad_pass_through(quantize)(x)`.

    Args:
        function: of tensors, with as many outputs as tensors among the arguments, of their dtypes and shapes.

    Raises:
        ValueError: when the decorated function is called, for outputs of another number, dtype or shape.
    """
    _checked_function(function, "grad_pass_through")

    @custom_gradient
    @wraps(function)
    def passing(*args: Any, **options: Any) -> Any:
        def same(*dys: Tensor | None) -> tuple[Tensor | None, ...]:
            return dys

        return function(*args, **options), same

    return passing


def recompute_grad(function: Function) -> Function:
    """Decorator: rematerialisation (gradient checkpointing): no intermediate value is kept for the gradient.

    All is computed again, from the arguments, when the gradients of its outputs are there: less memory, more time.
    What the function uses without getting it as an argument has its gradient, too.

    Args:
        function: of tensors, in nests if need be, that updates no variables.

    Raises:
        ValueError: when the decorated function is called, if it updates a variable.
    """
    what = _checked_function(function, "recompute_grad")

    @wraps(function)
    def recomputed(*args: Any, **options: Any) -> Any:
        return _CustomGradientCall(function, what, args, options).recomputed()

    return recomputed


def _checked_function(function: object, decorator: str) -> str:
    if not callable(function):
        raise ArgumentTypeError(f"{decorator}: expected a function of tensors, got {type(function).__name__}")
    return f"{decorator}: '{getattr(function, '__name__', type(function).__name__)}'"


class _Input(NamedTuple):
    """A leaf of the arguments that becomes a tensor; numbers stay what they are."""

    position: int
    label: str
    leaf: Any


class _CustomGradientCall:
    """One call of a decorated function: builds its outputs and the region of its gradient."""

    def __init__(self, function: Function, what: str, args: Sequence[Any], options: dict[str, Any]) -> None:
        self.function = function
        self.what = what
        self.options = options
        self.arguments = Nest.of(args)
        labels = self.arguments.labels("args")
        leaves = enumerate(zip(labels, self.arguments.leaves, strict=True))
        self.inputs = [_Input(i, label, leaf) for i, (label, leaf) in leaves if not isinstance(leaf, Number)]
        handles = [(i.label, handle_of(i.leaf)) for i in self.inputs]
        known = [(label, handle.value) for label, handle in handles if handle is not None]
        self.graph: Graph = common_graph(known) or current_graph()

    def with_gradient(self) -> Any:
        """Calls the function; the gradient function becomes the region of the operation that gives the outputs."""
        with self.graph.current(), self.graph.unchanged_on_error():
            xs, last = self._begin()
            said = self._called(xs)
            if not isinstance(said, tuple | list) or len(said) != 2 or not callable(said[1]):
                raise ArgumentTypeError(
                    f"{self.what} must return its outputs and a gradient function, got {said!r}"
                )
            outputs, values = self._values(said[0])
            op = CustomGradient.over(values, xs, self._closure(values, xs, last))
            self._fill(op, lambda dys: self._converted(said[1](*self._per_output(values, dys)), xs))
            return outputs.rebuilt(Tensor(r) for r in op.results)

    def recomputed(self) -> Any:
        """Calls the function; the region computes the outputs again, and differentiates them there."""
        with self.graph.current(), self.graph.unchanged_on_error():
            xs, last = self._begin()
            first = self.graph.draws.number
            outputs, values = self._values(self._called(xs))
            closed = self._closure(values, xs, last)
            op = CustomGradient.over(values, [*xs, *closed], [])
            self._fill(op, lambda dys: self._again(xs, closed, dys, first))
            return outputs.rebuilt(Tensor(r) for r in op.results)

    # ---- forward ------------------------------------------------------------------------------------------

    def _begin(self) -> tuple[list[SSAValue], IROperation | None]:
        """The arguments as values that nothing else uses, and the last operation before the function's own."""
        given = [as_tensor(leaf, f"{self.what}: {label}") for _, label, leaf in self.inputs]
        xs = [Identity.of(t).value for t in given]
        return xs, self.graph.insertion_block.last_op

    def _called(self, xs: Sequence[SSAValue]) -> Any:
        leaves = list(self.arguments.leaves)
        for given, x in zip(self.inputs, xs, strict=True):
            leaves[given.position] = Tensor(x)
        return self.function(*self.arguments.rebuilt(leaves), **self.options)

    def _values(self, outputs: object) -> tuple[Nest, list[SSAValue]]:
        nest = Nest.of(outputs)
        labels = nest.labels("outputs")
        return nest, [
            as_tensor(leaf, f"{self.what}: {label}").value
            for leaf, label in zip(nest.leaves, labels, strict=True)
        ]

    def _closure(
        self, values: Sequence[SSAValue], xs: Sequence[SSAValue], last: IROperation | None
    ) -> list[SSAValue]:
        """The captured values: what the outputs are computed from besides the xs, variables among them."""
        own: set[IROperation] = set()
        op = self.graph.insertion_block.last_op
        while op is not None and op is not last:
            own.add(op)
            op = op.prev_op
        closed: dict[SSAValue, None] = {}
        work, seen = list(reversed(values)), set(xs)
        while work:
            value = work.pop()
            if value in seen:
                continue
            seen.add(value)
            if isinstance(value, OpResult) and value.op in own and not isinstance(value.type, VariableType):
                work.extend(reversed([*value.op.operands, *captured_values(value.op)]))
            elif differentiable_type(value.type):
                closed[value] = None
        return list(closed)

    # ---- backward -----------------------------------------------------------------------------------------

    def _fill(self, op: CustomGradient, backward: Callable[[list[Tensor]], list[Tensor | None]]) -> None:
        """Inserts the operation and fills its region."""
        self.graph.insert(op)
        block = op.backward.block
        with self.graph.inside(block):
            op.finish(backward([Tensor(a) for a in block.args]))
        hoist_reads(op, self.what)
        op.verify_()

    def _per_output(self, values: Sequence[SSAValue], dys: Sequence[Tensor]) -> list[Tensor | None]:
        given = iter(dys)
        return [next(given) if differentiable_type(v.type) else None for v in values]

    def _converted(self, said: object, xs: Sequence[SSAValue]) -> list[Tensor | None]:
        """Converts what the gradient function has returned to one gradient or `None` for each x."""
        grads = Nest.of(said, none_is_leaf=True).leaves
        expected = len(self.arguments.leaves)
        if len(grads) != expected:
            raise GraphError(
                f"{self.what}: the gradient function gives {len(grads)} gradients for {expected} tensors and numbers "
                "among the arguments: one for each, or None"
            )
        return [
            self._gradient(grads[i], x, label)
            if grads[i] is not None and differentiable_type(x.type)
            else None
            for (i, label, _), x in zip(self.inputs, xs, strict=True)
        ]

    def _gradient(self, grad: object, x: SSAValue, label: str) -> Tensor:
        what = f"{self.what}: the gradient of {label}"
        tensor = grad.tensor if isinstance(grad, IndexedSlices) else as_tensor(grad, what, Tensor(x).dtype)
        type_ = data_type_of(tensor.type) if isinstance(tensor.type, SlicesType) else tensor.type
        if not compatible_types(type_, x.type):
            raise GraphError(f"{what} has type {type_}, expected {x.type}")
        return tensor

    def _again(
        self, xs: Sequence[SSAValue], closed: Sequence[SSAValue], dys: Sequence[Tensor], first_draw: int
    ) -> list[Tensor | None]:
        """The gradients of a second call, on arguments gated by the gradients of the outputs.

        What the first call drew, from this draw on, is drawn again.
        """
        if not dys:
            return [None] * (len(xs) + len(closed))
        draws = self.graph.draws
        sources = [source_of_keys(self.graph)] if draws.number > first_draw else []
        gated = tuple_of([*map(Tensor, xs), *dys, *sources], name="recompute")
        late = [as_tensor(t) for t in gated]
        arguments, seeds = late[: len(xs)], late[len(xs) : len(xs) + len(dys)]
        with draws.repeated_from(first_draw), draws.drawn_from(late[-1] if sources else None):
            outputs = self._values(self._called([t.value for t in arguments]))[1]
        ys = [Tensor(v) for v in outputs if differentiable_type(v.type)]
        xs_of_call = [*arguments, *map(Tensor, closed)]  # each by itself: who asks goes on from each of them
        found = gradients(ys, xs_of_call, seeds, name="gradients", stop_gradients=xs_of_call)
        return [g.tensor if isinstance(g, IndexedSlices) else g for g in found]
