"""The key of native code that is kept: all that it follows from, taken before anything is lowered."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Dialect

from pullback.backends.cpu.machine import machine_key
from pullback.dialects.context import DIALECTS
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.ir.module_digest import ModuleDigest
from pullback.driver.run_pipeline import main_function
from pullback.driver.targets.target import ProgramToKeep
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.pipeline.instrumentation import active_instrumentations
from pullback.passes.pipeline.print_pipeline import pipeline_text
from pullback.passes.simplify.matching import registered_folds
from pullback.process.source_digest import (
    UnknownSourceError,
    digest_of_definitions,
    is_of_compiler,
    own_digest,
)


class NotKeptError(Exception):
    """Code of a program is not kept; the message says why."""


def native_key(program: ProgramToKeep) -> str:
    """The key of the code of a program.

    Raises:
        NotKeptError: someone watches the passes, one of a user's may do more than to rewrite the program, or something
            is registered of which no file tells what it is.
    """
    if any(i.needs_every_pass for i in active_instrumentations()):
        raise NotKeptError("the passes are watched")
    for pass_ in program.passes:
        if not is_of_compiler(type(pass_).__module__) or not getattr(pass_, "only_rewrites", True):
            raise NotKeptError(f"the pass '{pass_.name}' may do more than to rewrite the program")
    digest = ModuleDigest(program.built, _names_in_messages(program.built))
    try:
        parts = {
            "program": digest.hexadecimal,
            "shapes": [list(shape) for shape in program.shapes],
            "passes": pipeline_text(program.passes, defaults=True),
            "pipeline": [program.pipeline, sorted(program.capabilities.items())],
            "sources": own_digest(),
            "plug-ins": _digest_of_plugins(digest.classes),
            "versions": _versions(),
            "machine": machine_key(),
        }
    except UnknownSourceError as error:
        raise NotKeptError(str(error)) from None
    except TypeError as error:  # an option of a pass is none that text can say
        raise NotKeptError(f"the passes have no text: {error}") from None
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _names_in_messages(built: ModuleOp) -> Iterator[str | None]:
    """The names of inputs and of variables: messages about arguments have them."""
    main = main_function(built)
    yield from (argument.name_hint for argument in main.body.block.args)
    yield from (op.result.name_hint for op in main.walk() if isinstance(op, VariableOp))


def _digest_of_plugins(classes: set[type]) -> str | None:
    """The digest of what plug-ins and the program itself define; None where nothing of it comes into play."""
    foreign = [cls for cls in classes if not is_of_compiler(cls.__module__)]
    folds = [fold for fold in registered_folds() if not is_of_compiler(fold.__module__)]
    if not foreign and not TABLE.added and not folds:
        return None
    dialects = [getattr(factory, "holds", factory) for factory in DIALECTS.added.values()]
    registered = [*foreign, *OPS.added.values(), *TABLE.added.values(), *dialects, *folds]
    return digest_of_definitions(part for value in registered for part in _code_of(value))


def _code_of(value: Any) -> Iterator[Any]:
    """The classes and functions that a definition consists of."""
    if isinstance(value, type):
        yield value
    elif isinstance(value, Dialect):
        yield from (*value.operations, *value.attributes)
    elif callable(value):
        yield value if hasattr(value, "__qualname__") else type(value)
    else:
        yield type(value)
        for part in vars(value).values():
            parts = part.values() if isinstance(part, dict) else part if isinstance(part, tuple) else (part,)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            yield from (p for p in parts if callable(p))  # pyright: ignore[reportUnknownVariableType]


@cache
def _versions() -> list[str]:
    """The versions of what computes constants, but for what `own_digest` has."""
    return [sys.version, np.__version__, ml_dtypes.__version__]
