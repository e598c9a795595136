"""`Plugin`: what a package from outside brings to the compiler, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xdsl.ir import Dialect, Operation
from xdsl.passes import ModulePass
from xdsl.utils.target import Target as Format

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.driver.plugins.late_imports import Late
from pullback.driver.targets.target import Target
from pullback.passes.gradients.rule_registry import Rule
from pullback.passes.lowering.kernel_kind import Kind
from pullback.passes.pipeline.pipelines import Pipeline


@dataclass(frozen=True)
class Plugin:
    """What a package from outside brings: registered by `pb.register`, or by an entry point of `pullback.plugins`."""

    name: str
    """What messages and lists call it; the name of its entry point, where it has one."""
    meaning: str = ""
    """One sentence for lists."""
    dialects: tuple[Dialect, ...] = ()
    """Dialects: their operations, types and attributes. Those of their operations that are `GraphOp`s are graph
    operations, too."""
    operations: tuple[type[GraphOp], ...] = ()
    """Graph operations, of the graph dialect or of any other, which then needs no `Dialect` of its own."""
    rules: Mapping[type[Operation] | str, Rule | None] = field(
        default_factory=dict[type[Operation] | str, Rule | None]
    )
    """Gradient rules by class of operation, or by a name for `gradient_override_map`; `None` says that it is not
    differentiable. The rule of an own operation is better its method `gradient`."""
    passes: tuple[type[ModulePass] | Late, ...] = ()
    """Passes, by the name that each has."""
    pipelines: Mapping[str, Pipeline] = field(default_factory=dict[str, Pipeline])
    """Named pipelines."""
    kinds: tuple[Kind, ...] = ()
    """Kinds of kernels, each with its `meaning`."""
    targets: tuple[Target, ...] = ()
    """Targets that programs are compiled for."""
    formats: Mapping[str, Callable[[], type[Format]]] = field(
        default_factory=dict[str, Callable[[], type[Format]]]
    )
    """Forms of output for `pullback-opt -t` beside those of the targets, as xDSL's targets, by name."""

    def __post_init__(self) -> None:
        """Checks that each field holds what it is for.

        Raises:
            TypeError: a field holds something else, or one definition where a tuple of them is expected.
            ValueError: the name is empty.
        """
        if not isinstance(self.name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Plugin: name: expected text, got {self.name!r}")
        if not self.name:
            raise ValueError("Plugin: name: expected what messages and lists call it, got ''")
        for field_name, (what, accepts) in _TUPLES.items():
            held = getattr(self, field_name)
            if not isinstance(held, tuple | list):
                raise TypeError(
                    f"Plugin {self.name!r}: {field_name}: expected a tuple of {what}, got {held!r}"
                )
            self._check({f"{field_name}[{place}]": value for place, value in enumerate(held)}, what, accepts)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        for field_name, (what, accepts) in _MAPPINGS.items():
            held = getattr(self, field_name)
            if not isinstance(held, Mapping):
                raise TypeError(
                    f"Plugin {self.name!r}: {field_name}: expected a dict of {what}, got {held!r}"
                )
            self._check({f"{field_name}[{key!r}]": value for key, value in held.items()}, what, accepts)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    def _check(self, held: Mapping[str, object], what: str, accepts: Callable[[Any], bool]) -> None:
        for place, value in held.items():
            if not accepts(value):
                raise TypeError(f"Plugin {self.name!r}: {place}: expected one of {what}, got {value!r}")


def _class_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, type) and issubclass(value, kind)


_TUPLES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "dialects": ("dialects", lambda value: isinstance(value, Dialect)),
    "operations": ("classes of graph operations", _class_of(GraphOp)),
    "passes": ("classes of passes", lambda value: isinstance(value, Late) or _class_of(ModulePass)(value)),
    "kinds": ("kinds of kernels", lambda value: isinstance(value, Kind)),
    "targets": ("targets", lambda value: isinstance(value, Target)),
}
"""What each field holds that is a tuple, and how it is told."""
_MAPPINGS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "rules": ("gradient rules", lambda value: value is None or callable(value)),
    "pipelines": ("pipelines", lambda value: isinstance(value, Pipeline)),
    "formats": ("functions that give a class of xDSL's Target", callable),
}
"""What each field holds by name."""
