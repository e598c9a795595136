"""The lists that `pullback-opt` prints, each read from the classes themselves."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Operation
from xdsl.irdl import IRDLOperation, OptionalDef, VariadicDef
from xdsl.passes import ModulePass

from pullback.dialects.context import DIALECTS
from pullback.dialects.graph.op.graph_op import OPS
from pullback.driver.targets.forms_of_output import formats
from pullback.passes.gradients.rule_registry import RULES, RuleState, state_of
from pullback.passes.pipeline.options import PassOption, meanings_of, options_of
from pullback.passes.pipeline.pipelines import PIPELINES, anchor_of, parse_passes
from pullback.passes.rewriting.statistic import statistics_of
from pullback.tools.installed_plugins import plugin_line, plugin_rows
from pullback.tools.passes import own_passes

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """One list: what `--help` says of it, its rows, and how a row reads as text."""

    help: str
    rows: Callable[[], list[Row]]
    line: Callable[[Row], str]


def show(name: str, *, as_json: bool) -> str:
    """The list of this name as JSON, an array with one object a row, or as text."""
    listing = LISTINGS[name]
    rows = listing.rows()
    if as_json:
        return json.dumps(rows, indent=2) + "\n"
    return "".join(listing.line(row) + "\n" for row in rows)


def _passes() -> list[Row]:
    return [_pass(factory()) for factory in own_passes().values()]


def _pass(cls: type[ModulePass]) -> Row:
    meanings = meanings_of(cls)
    options = [_option(option, meanings.get(option.name, "")) for option in options_of(cls).values()]
    counted = [{"name": name, "meaning": s.meaning, "by": s.by} for name, s in statistics_of(cls).items()]
    return {
        "name": cls.name,
        "summary": _summary(cls),
        "anchor": anchor_of(cls),
        "options": options,
        "statistics": counted,
    }


def _option(option: PassOption, meaning: str) -> Row:
    return {
        "name": option.name,
        "type": option.type,
        "required": option.required,
        "default": _plain(option.default),
        "meaning": meaning,
    }


def _pipelines() -> list[Row]:
    return [
        {"name": name, "summary": pipeline.meaning, "passes": [str(p) for p in parse_passes(pipeline.passes)]}
        for name, pipeline in PIPELINES.items()
    ]


def _ops() -> list[Row]:
    return [_op(cls) for cls in _operations() if issubclass(cls, IRDLOperation)]


def _operations() -> list[type[Operation]]:
    """The graph operations of any dialect, and the other operations of the dialects of plug-ins."""
    foreign = [op for factory in DIALECTS.added.values() for op in factory().operations]
    return list(dict.fromkeys([*OPS.values(), *foreign]))


def _op(cls: type[IRDLOperation]) -> Row:
    definition = cls.get_irdl_definition()
    return {
        "name": cls.name,
        "summary": _summary(cls),
        "operands": [_arity(name, part) for name, part in definition.operands],
        "results": [_arity(name, part) for name, part in definition.results],
        "properties": list(definition.properties),
        "regions": [_arity(name, part) for name, part in definition.regions],
        "traits": sorted(type(trait).__name__ for trait in cls.traits.traits),
    }


def _arity(name: str, part: object) -> str:
    """The name with `?` if it may be absent, `*` if there may be any number."""
    # An optional part is a variadic one in xDSL.
    return name + ("?" if isinstance(part, OptionalDef) else "*" if isinstance(part, VariadicDef) else "")


def _gradients() -> list[Row]:
    """The operations, and the other names that have a rule: operations of dialects below, and overrides."""
    states = {cls.name: state_of(cls) for cls in _operations()}
    for name, rule in RULES.items():
        states.setdefault(name, RuleState.NOT_DIFFERENTIABLE if rule is None else RuleState.RULE)
    return [{"name": name, "gradient": state.value} for name, state in states.items()]


def _targets() -> list[Row]:
    return [{"name": name, "summary": _summary(factory())} for name, factory in formats().items()]


def _summary(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _pass_line(row: Row) -> str:
    options = " ".join(
        f"{option['name']}=<{option['type']}>"
        + ("" if option["required"] else f" (default {option['default']})")
        for option in row["options"]
    )
    return f"{row['name']}{{{options}}}: {row['summary']}" if options else f"{row['name']}: {row['summary']}"


def _op_line(row: Row) -> str:
    return f"{row['name']}({', '.join(row['operands'])}) -> ({', '.join(row['results'])}): {row['summary']}"


LISTINGS: Mapping[str, Listing] = {
    "passes": Listing("list our passes and their options", _passes, _pass_line),
    "pipelines": Listing(
        "list the named pipelines and the passes in them",
        _pipelines,
        lambda row: f"{row['name']}: {','.join(row['passes'])}",
    ),
    "ops": Listing("list the ops of the graph dialect, and those of plug-ins", _ops, _op_line),
    "gradients": Listing(
        "list which ops have a gradient rule, which are not differentiable, and which have neither",
        _gradients,
        lambda row: f"{row['name']}: {row['gradient']}",
    ),
    "targets": Listing("list our output targets", _targets, lambda row: f"{row['name']}: {row['summary']}"),
    "plugins": Listing(
        "list the plug-ins, what each brings, and which failed to load", plugin_rows, plugin_line
    ),
}
