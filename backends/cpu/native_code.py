"""`NativeCode`: an entry function as machine code, with all that is to be known to load and call it.

It holds no operation of a program, so it can be kept as JSON and object files: see `kept_parts` and `from_kept_parts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects import func

from pullback.backends.cpu.entry_arguments import EntryParameter


@dataclass(frozen=True)
class NativeCode:
    """An entry function as machine code; `Executable` loads it."""

    entry: str
    objects: tuple[bytes, ...]
    """Object files that are linked together."""
    parameters: tuple[EntryParameter, ...]
    host_functions: tuple[func.FuncOp, ...] = ()
    """The declarations of the functions that the host runs."""
    polls: bool = False
    """Whether the entry function asks for signals."""
    variables: tuple[str, ...] = ()
    """The variables of which the bytes of `@<entry>.changed` tell whether they have changed."""
    calls_host_late: bool = False
    """Whether the host may run an operation after a variable was changed, or change one itself."""
    calls_pool: bool = False
    """Whether it calls the pool of threads."""


def kept_parts(code: NativeCode) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """What is kept of code, but for the functions of the host: values for JSON, and the object files."""
    parameters = [
        [p.name, list(p.shape), [str(dtype) for dtype in p.dtypes], p.is_written] for p in code.parameters
    ]
    facts = {
        "entry": code.entry,
        "parameters": parameters,
        "polls": code.polls,
        "variables": list(code.variables),
        "calls_host_late": code.calls_host_late,
        "calls_pool": code.calls_pool,
    }
    return facts, code.objects


def from_kept_parts(
    facts: Mapping[str, Any], objects: Sequence[bytes], host_functions: Sequence[func.FuncOp]
) -> NativeCode:
    """The code of which these parts were kept."""
    parameters = tuple(
        EntryParameter(at, name, tuple(shape), tuple(map(np.dtype, dtypes)), is_written)
        for at, (name, shape, dtypes, is_written) in enumerate(facts["parameters"])
    )
    return NativeCode(
        facts["entry"],
        tuple(objects),
        parameters,
        tuple(host_functions),
        facts["polls"],
        tuple(facts["variables"]),
        facts["calls_host_late"],
        facts["calls_pool"],
    )
