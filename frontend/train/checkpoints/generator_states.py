"""Encodes the states of NumPy's random generators as text, which is checked before any of them is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pullback.dialects.graph.tensor.types import ArgumentTypeError

if TYPE_CHECKING:  # NumPy imports its generators when they are first used, and so do we
    from numpy.random import BitGenerator, Generator

Generators: TypeAlias = "Mapping[str, Generator]"
STATE = "generator/"
"""The prefix of the names of generators in a file's metadata."""
LARGEST: dict[str, int] = {
    "pos": 624,  # of the words of MT19937
    "buffer_pos": 4,  # of those of Philox
    "has_uint32": 1,
    "uinteger": 2**32 - 1,
    "state": 2**128 - 1,
    "inc": 2**128 - 1,
}
"""The largest value of each number in a state; all are from 0 on."""


def kinds() -> tuple[type[BitGenerator], ...]:
    """The generators whose states are checked. NumPy takes what it is given, and reads memory by it."""
    of = np.random
    return of.MT19937, of.PCG64, of.PCG64DXSM, of.Philox, of.SFC64


def checked_generators(generators: Generators | None) -> Generators:
    """The generators, by name; a `ValueError` for anything that is none of NumPy's."""
    if generators is None:
        return {}
    if not isinstance(generators, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"generators: expected a dict from names, got {type(generators).__name__}")
    for name, generator in generators.items():
        if not isinstance(generator, np.random.Generator):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(
                f"generators['{name}']: expected a numpy.random.Generator, got {type(generator).__name__}"
            )
        if type(generator.bit_generator) not in kinds():
            known = ", ".join(kind.__name__ for kind in kinds())
            found = type(generator.bit_generator).__name__
            raise ArgumentTypeError(f"generators['{name}']: expected one on {known}, got one on {found}")
    return generators


def encoded_generators(generators: Generators) -> dict[str, str]:
    """The states as metadata."""
    import json  # by who saves or restores, as below

    return {
        STATE + name: json.dumps(generator.bit_generator.state, default=_encoded)
        for name, generator in generators.items()
    }


def decoded_generator(name: str, generator: Generator, metadata: Mapping[str, str]) -> Mapping[str, Any]:
    """The state that a generator is to have; `ValueError` where there is none, or none that it could have."""
    import json

    text = metadata.get(STATE + name)
    if text is None:
        raise ValueError(f"there is no state of generator '{name}' in it")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"the state of generator '{name}' is no JSON") from None
    kind = type(generator.bit_generator)
    there = found.get("bit_generator") if isinstance(found, dict) else None
    if isinstance(there, str) and there != kind.__name__:
        raise ValueError(f"generator '{name}' is a {there} there, and a {kind.__name__} here")
    state = _like(found, generator.bit_generator.state, f"the state of generator '{name}'")
    kind().state = state  # NumPy has the last word, on a generator that is not used
    return state


def _encoded(value: object) -> object:
    """Encodes what JSON has no type for in the state of a generator."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.name}
    raise TypeError(f"no JSON for {type(value).__name__}")


def _like(found: Any, own: Any, what: str) -> Any:
    """Decodes what was found in a file, in the form of a generator's own state; `ValueError` for any other form."""
    if isinstance(own, dict):
        if not isinstance(found, dict) or found.keys() != own.keys():
            raise ValueError(f"{what}: expected {', '.join(own)}")
        return {key: _like(found[key], value, f"{what}: {key}") for key, value in own.items()}
    if isinstance(own, np.ndarray):
        return _array_like(found, own, what)
    if isinstance(own, str):
        if found != own:
            raise ValueError(f"{what}: expected {own!r}")
        return own
    largest = LARGEST.get(what.rpartition(": ")[2], -1)
    if type(found) is not int or not 0 <= found <= largest:
        raise ValueError(f"{what}: expected an integer from 0 to {largest}")
    return found


def _array_like(found: Any, own: np.ndarray[Any, np.dtype[Any]], what: str) -> np.ndarray[Any, Any]:
    values = found.get("array") if isinstance(found, dict) and found.get("dtype") == own.dtype.name else None
    largest = int(np.iinfo(own.dtype).max)
    if (
        not isinstance(values, list)
        or len(values) != own.size
        or not all(type(value) is int and 0 <= value <= largest for value in values)
    ):
        raise ValueError(f"{what}: expected {own.size} integers from 0 to {largest}, of dtype {own.dtype}")
    return np.array(values, own.dtype)
