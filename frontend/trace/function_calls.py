"""Calls of functions with nests of arrays: the cache key of a trace, and tensors in place of the arrays."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pullback.dialects.graph.tensor.arrays import is_array
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.driver.device_array import array_on_device
from pullback.frontend.graph.graph import Graph, common_graph, entered_graph
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.unwrap import handle_of
from pullback.frontend.handles.variable import Variable
from pullback.frontend.nests.exact_keys import exact_key
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.convert import as_array, as_tensor

Function = Callable[..., Any]
Static = dict[int | str, Any]


def surrounding_graph(arguments: Nest) -> Graph | None:
    """The graph that a call adds to: the one that is entered, or that of tensors among the arguments, or none."""
    current = entered_graph()
    if current is not None:
        return current
    if not any(isinstance(leaf, Tensor | IndexedSlices) for leaf in arguments.leaves):
        return None
    handles = zip(arguments.labels("arguments"), map(handle_of, arguments.leaves), strict=True)
    return common_graph([(label, handle.value) for label, handle in handles if handle is not None])


def with_constants(arguments: Nest, graph: Graph) -> Any:
    """The arguments with constants in place of arrays; numbers stay numbers, which take the dtype of an operand."""
    arranged = arguments.sorted()
    if not any(map(is_array, arguments.leaves)):
        return arranged.rebuilt(arguments.leaves)
    with graph.current():
        return arranged.rebuilt(as_tensor(leaf) if is_array(leaf) else leaf for leaf in arguments.leaves)


@dataclass(frozen=True)
class TracedCall:
    """The arguments of a call outside of all graphs.

    Attributes:
        function: what is called.
        nest: of its positional arguments and those by name; variables among them stay variables.
        static: arguments that are no nests of arrays, by position or name; where the position is, the nest is empty.
        arrays: the leaves but the variables, in order: of NumPy, or `DeviceArray`s.
    """

    function: Function
    nest: Nest
    static: Static
    arrays: Sequence[Any]

    @classmethod
    def of(cls, function: Function, nest: Nest, static: Static, may_be_on_device: bool = False) -> TracedCall:
        """`ValueError` for leaves that are no arrays.

        Args:
            function, nest, static: see the attributes.
            may_be_on_device: whether arrays that are on a device stay there: as `DeviceArray`s.
        """
        given = [leaf for leaf in nest.leaves if not isinstance(leaf, Variable)]
        try:
            arrays = [_as_argument(leaf, "an argument", may_be_on_device) for leaf in given]
        except ArgumentTypeError:
            arrays = _refused(function, nest, may_be_on_device)
        return cls(function, nest, static, arrays)

    def key(self) -> Hashable:
        """The cache key: equal for calls that share a trace."""
        arrays = [(array.dtype, array.shape) for array in self.arrays]
        variables = [leaf if isinstance(leaf, Variable) else None for leaf in self.nest.leaves]
        static = tuple((name, _exact(name, value)) for name, value in self.static.items())
        return self.nest.key(), tuple(arrays), tuple(variables), static

    def names(self) -> list[str]:
        """The names of the arrays, as placeholders."""
        labels = zip(_labels(self.function, self.nest), self.nest.leaves, strict=True)
        used = [
            re.sub("[^A-Za-z0-9]+", "_", label).strip("_")
            for label, leaf in labels
            if not isinstance(leaf, Variable)
        ]
        return [name if name[:1].isalnum() else f"arg_{name}" for name in used]

    def applied(self, tensors: Sequence[Tensor]) -> Any:
        """Calls the function with tensors in place of the arrays."""
        given = iter(tensors)
        leaves = [leaf if isinstance(leaf, Variable) else next(given) for leaf in self.nest.leaves]
        args, options = self.nest.sorted().rebuilt(leaves)
        at = {position: value for position, value in self.static.items() if isinstance(position, int)}
        by_name = {name: value for name, value in self.static.items() if isinstance(name, str)}
        return self.function(*(at.get(i, arg) for i, arg in enumerate(args)), **options, **by_name)


def _exact(name: int | str, value: object) -> Hashable:
    """The key of a static argument; `ValueError` where it has none."""
    try:
        return exact_key(value)
    except TypeError:
        kind = type(value).__name__
        raise ArgumentTypeError(f"static argument {name!r} must be hashable, got {kind}") from None


def split_static(
    function: Function, args: tuple[Any, ...], options: Mapping[str, Any], names: Collection[str]
) -> tuple[Nest, Static]:
    """The nest of the arguments without those of these names, which are given by position or name."""
    parameters = list(inspect.signature(function).parameters)
    positions = [i for i, name in enumerate(parameters[: len(args)]) if name in names]
    static: Static = {i: args[i] for i in positions} | {n: v for n, v in options.items() if n in names}
    kept = tuple(None if i in static else arg for i, arg in enumerate(args))
    return Nest.of((kept, {n: v for n, v in options.items() if n not in names})), static


def _labels(function: Function, nest: Nest) -> list[str]:
    """The path to each leaf, from the name of its argument: `params['w']`."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # functions that are not written in Python may have none
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")

    def named(match: re.Match[str]) -> str:
        if match["name"] is not None:
            return match["name"]
        index = int(match["index"])
        return names[index] if index < len(names) else f"{rest}[{index - len(names)}]"

    return [
        re.sub(r"^(\[0\]\[(?P<index>\d+)\]|\[1\]\['(?P<name>\w+)'\])", named, label, count=1)
        for label in nest.labels("")
    ]


def _as_argument(leaf: object, what: str, may_be_on_device: bool) -> Any:
    on_device = array_on_device(leaf, what) if may_be_on_device else None
    return as_array(leaf, what) if on_device is None else on_device


def _refused(function: Function, nest: Nest, may_be_on_device: bool) -> list[Any]:
    """Raises for the leaf that is no array."""
    what = getattr(function, "__name__", type(function).__name__)
    for label, leaf in zip(_labels(function, nest), nest.leaves, strict=True):
        if isinstance(leaf, str | bytes) or callable(leaf):
            raise ArgumentTypeError(
                f"{what}: {label}: expected an array or a number, got {type(leaf).__name__}: name the argument in "
                "static=, or bind it with functools.partial"
            )
        if not isinstance(leaf, Variable):
            _as_argument(leaf, f"{what}: {label}", may_be_on_device)
    raise AssertionError("one of the leaves was refused before")
