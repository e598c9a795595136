"""The registry of targets. An extension adds its own by `register_target`; every tool and list finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.utils.target import Target as Format

from pullback.driver.targets.cpu import CPU
from pullback.driver.targets.cuda import CUDA_TARGET
from pullback.driver.targets.fibers import FIBERS
from pullback.driver.targets.numpy import NUMPY
from pullback.driver.targets.simt import SIMT
from pullback.driver.targets.target import Target, Text
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.process.registries import Registry

TARGETS: Registry[Target] = Registry("target")
"""What programs are compiled for, by name."""
FORMATS: Registry[Callable[[], type[Format]]] = Registry("form of output", "forms of output")
"""Forms of output that plug-ins bring as xDSL's targets; those of our targets are in these."""


def register_target(target: Target, *, replace: bool = False) -> None:
    """Make a target known by its name.

    Args:
        replace: whether a target of this name that did not come with Pullback gives way.

    Raises:
        ValueError: where the name, or that of a form that it prints, is taken, or the pipeline is no pipeline.
    """
    others = {form for name, t in TARGETS.registered.items() if name != target.name for form in _forms(t)}
    if taken := [form for form in _forms(target) if form in ("mlir", *others, *FORMATS.registered)]:
        raise ValueError(f"target {target.name!r}: the form of output {taken[0]!r} is registered already")
    parse_passes(target.passes)
    levels = target.levels
    for text in target.texts:
        if text.level not in levels:
            raise ValueError(
                f"target {target.name!r}: its text {text.name!r} is of level {text.level!r}, which its pipeline "
                f"{target.passes!r} does not lead to"
            )
    TARGETS.add(target.name, target, replace=replace)


def unregister_target(name: str) -> None:
    """Forget a target; what was compiled for it still runs.

    Raises:
        ValueError: for an unknown target, or one that comes with Pullback.
    """
    TARGETS.remove(name)


def targets() -> Mapping[str, Target]:
    """The registered targets by name."""
    return TARGETS


def target_named(name: str) -> Target:
    """The target of a name.

    Raises:
        ValueError: for an unknown target.
    """
    return TARGETS.named(name)


def forms() -> Mapping[str, Text]:
    """The texts that are not MLIR, by the names that `pullback-opt -t` takes."""
    return {form: text for target in TARGETS.values() for form, text in _forms(target).items()}


def our_forms() -> list[str]:
    """The forms of output of the targets that come with Pullback."""
    return [form for target in TARGETS.ours.values() for form in _forms(target)]


def _forms(target: Target) -> dict[str, Text]:
    return {text.format: text for text in target.texts if text.format is not None}


for _target in (NUMPY, CPU, SIMT, FIBERS, CUDA_TARGET):
    TARGETS.add(_target.name, _target)  # a test holds that each is one that could be registered
TARGETS.seal()
