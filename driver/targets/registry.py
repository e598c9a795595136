"""The registry of targets. An extension adds its own by `register_target`; every tool and list finds it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from pullback.driver.targets.cpu import CPU
from pullback.driver.targets.numpy import NUMPY
from pullback.driver.targets.simt import SIMT
from pullback.driver.targets.target import Target, Text

_TARGETS: dict[str, Target] = {}


def register_target(target: Target) -> None:
    """Make a target known by its name.

    Raises:
        ValueError: where the name, or that of a form that it prints, is taken, or the pipeline is no pipeline.
    """
    if target.name in _TARGETS:
        raise ValueError(f"target {target.name!r} is registered already")
    if taken := [form for form in _forms(target) if form in ("mlir", *forms())]:
        raise ValueError(f"target {target.name!r}: the form of output {taken[0]!r} is registered already")
    levels = target.levels  # reads the pipeline, also where there are no texts
    for text in target.texts:
        if text.level not in levels:
            raise ValueError(
                f"target {target.name!r}: its text {text.name!r} is of level {text.level!r}, which its pipeline "
                f"{target.passes!r} does not lead to"
            )
    _TARGETS[target.name] = target


def unregister_target(name: str) -> None:
    """Forget a target; what was compiled for it still runs.

    Raises:
        ValueError: for an unknown target.
    """
    del _TARGETS[target_named(name).name]


def targets() -> Mapping[str, Target]:
    """The registered targets by name."""
    return _TARGETS


def target_named(name: str) -> Target:
    """The target of a name.

    Raises:
        ValueError: for an unknown target.
    """
    if name not in _TARGETS:
        near = get_close_matches(str(name), _TARGETS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"target {name!r} is not known: expected one of {', '.join(_TARGETS)}{hint}")
    return _TARGETS[name]


def forms() -> Mapping[str, Text]:
    """The texts that are not MLIR, by the names that `pullback-opt -t` takes."""
    return {form: text for target in _TARGETS.values() for form, text in _forms(target).items()}


def _forms(target: Target) -> dict[str, Text]:
    return {text.format: text for text in target.texts if text.format is not None}


for _target in (NUMPY, CPU, SIMT):
    register_target(_target)
