"""Checkpoints: the contents of variables in a file, of which nobody ever meets half."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pullback.dialects.graph.base import Array
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.graph import Graph, current_graph
from pullback.frontend.train.random_states import decoded_states, encoded_states
from pullback.frontend.variables import Variable, global_variables

Variables: TypeAlias = Graph | Sequence[Variable] | Mapping[str, Variable] | None
Generators: TypeAlias = Mapping[str, np.random.Generator]
PAIRS = "complex128/"
"""What says, before a tensor's name in the metadata, that it holds pairs of f64: the format has no word for them."""
STATE = "generator/"
"""What the states of generators are called in a file's metadata, before their own names."""


class CheckpointError(ValueError):
    """A file is no checkpoint, or not one of these variables."""


def save_checkpoint(
    path: str | os.PathLike[str], variables: Variables = None, generators: Generators | None = None
) -> None:
    """Writes the contents of variables, and the states of random generators, to a file in the safetensors format.

    So is the state of random operations without a seed of their own, of each graph that the variables are of.

    It is written beside `path`, flushed to the disk, and renamed: whoever reads `path`, and whatever fails, finds the
    old file or the new one.

    Args:
        path: such as `"model.safetensors"`; a file that is there is replaced.
        variables: a graph (all its variables, those of optimizers among them), a list, or a dict from the names in the
            file; all variables of the current graph unless given.
        generators: NumPy's, by name: what orders the data, say.

    Raises:
        ValueError: an argument is invalid.
        OSError: the file cannot be written.
    """
    tensors = {name: variable.numpy() for name, variable in _by_name(variables).items()}
    metadata = {PAIRS + name: "" for name, array in tensors.items() if array.dtype == np.complex128}
    metadata |= {
        STATE + name: json.dumps(generator.bit_generator.state, default=_encoded)
        for name, generator in _checked(generators).items()
    }
    metadata |= encoded_states(_graphs(variables))
    target = Path(path)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        fresh = Path(folder) / target.name
        fresh.touch()
        mode = fresh.stat().st_mode  # what files get here; the library makes them for their owner alone
        save_file({name: _pairs(array) for name, array in tensors.items()}, fresh, metadata)
        fresh.chmod(mode)
        _flush(fresh)
        os.replace(fresh, target)
        _flush(target.parent)


def restore_checkpoint(
    path: str | os.PathLike[str], variables: Variables = None, generators: Generators | None = None
) -> None:
    """Puts back what `save_checkpoint` wrote: all of it, or nothing where anything does not fit.

    What else the file holds is left alone. A state of random operations goes back where the file has one.

    Args:
        path: of the file.
        variables: whose contents are replaced: a graph, a list, or a dict from the names in the file; all variables of
            the current graph unless given.
        generators: NumPy's, by name, whose states are replaced.

    Raises:
        CheckpointError: the file is no checkpoint, or lacks a name, or what it has differs in shape or dtype (a
            `ValueError`, which lists all that do not fit).
        ValueError: an argument is invalid.
        OSError: the file cannot be read.
    """
    named, random = _by_name(variables), _checked(generators)
    try:
        with safe_open(Path(path), "numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            known = list(file.keys())
            stored = {name: file.get_tensor(name) for name in known if name in named}
    except SafetensorError as error:
        raise CheckpointError(f"{path} is no checkpoint: {error}") from error
    stored |= {n: a.view(np.complex128)[..., 0] for n, a in stored.items() if PAIRS + n in metadata}
    wrong = [_misfit(name, v, stored, known) for name, v in named.items()]
    wrong += [_wrong_state(name, g, metadata) for name, g in random.items()]
    if found := [text for text in wrong if text is not None]:
        raise CheckpointError(f"{path}: " + "; ".join(found))
    try:
        states = decoded_states(_graphs(variables), metadata)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    for name, variable in named.items():
        variable.array[...] = stored[name]
    for state, words in states:
        state.array[...] = words
    for name, generator in random.items():
        generator.bit_generator.state = json.loads(metadata[STATE + name], object_hook=_decoded)


def _by_name(variables: Variables) -> Mapping[str, Variable]:
    if variables is None or isinstance(variables, Graph):
        return {variable.name: variable for variable in global_variables(variables)}
    if isinstance(variables, Mapping):
        items = list(variables.items())
    elif isinstance(variables, list | tuple):
        items = [(getattr(v, "name", str(i)), v) for i, v in enumerate(variables)]
    else:
        raise ArgumentTypeError(
            f"variables: expected a graph, a list or a dict of variables, got {type(variables).__name__}"
        )
    for name, variable in items:
        if not isinstance(variable, Variable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(
                f"variables['{name}']: expected a variable, got {type(variable).__name__}"
            )
    if len(dict(items)) < len(items):
        raise ValueError("variables: two variables of one name: give a dict with names of your own")
    return dict(items)


def _graphs(variables: Variables) -> list[Graph]:
    """The graphs of the variables, whose states of random numbers are kept with them."""
    if isinstance(variables, Graph):
        return [variables]
    return [current_graph()] if variables is None else [v.home for v in _by_name(variables).values()]


def _pairs(array: Array) -> Array:
    return array[..., np.newaxis].view(np.float64) if array.dtype == np.complex128 else array


def _checked(generators: Generators | None) -> Generators:
    if generators is None:
        return {}
    if not isinstance(generators, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"generators: expected a dict from names, got {type(generators).__name__}")
    for name, generator in generators.items():
        if not isinstance(generator, np.random.Generator):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(
                f"generators['{name}']: expected a numpy.random.Generator, got {type(generator).__name__}"
            )
    return generators


def _misfit(name: str, variable: Variable, stored: Mapping[str, Array], known: Sequence[str]) -> str | None:
    """Why a variable cannot be restored, if it cannot."""
    if name not in stored:
        near = get_close_matches(name, known, n=1)
        hint = f" (there is {near[0]!r})" if near else ""
        return f"there is no '{name}' in it{hint}"
    found, array = stored[name], variable.array
    if (found.shape, found.dtype) == (array.shape, array.dtype):
        return None
    return (
        f"'{name}' has shape {found.shape} and dtype {found.dtype}, the variable has shape {array.shape} and dtype "
        f"{array.dtype}"
    )


def _wrong_state(name: str, generator: np.random.Generator, metadata: Mapping[str, str]) -> str | None:
    """Why a generator cannot be restored, if it cannot."""
    if STATE + name not in metadata:
        return f"there is no state of generator '{name}' in it"
    found, own = json.loads(metadata[STATE + name])["bit_generator"], type(generator.bit_generator).__name__
    return None if found == own else f"generator '{name}' is a {found} there, and a {own} here"


def _encoded(value: object) -> object:
    """What JSON has no word for in the state of a generator."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.name}
    raise TypeError(f"no JSON for {type(value).__name__}")


def _decoded(value: dict[str, Any]) -> Any:
    return np.array(value["array"], value["dtype"]) if value.keys() == {"array", "dtype"} else value


def _flush(path: Path) -> None:
    """Waits until a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
