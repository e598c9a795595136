"""`Plugin`: what a package from outside brings to the compiler, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xdsl.ir import Dialect, Operation
from xdsl.passes import ModulePass
from xdsl.utils.target import Target as Format

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.driver.plugins.late_imports import Late
from pullback.driver.targets.target import Target
from pullback.passes.gradients.rule_registry import Rule
from pullback.passes.lowering.kinds import Kind
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
