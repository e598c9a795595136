"""Saves and restores checkpoints: the contents of variables in a file that is replaced atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.graph.graph import Graph, current_graph
from pullback.frontend.handles.random_state import known_random_state
from pullback.frontend.handles.variable import Variable, global_variables
from pullback.frontend.train.checkpoints.generator_states import (
    Generators,
    checked_generators,
    decoded_generator,
    encoded_generators,
)
from pullback.frontend.train.checkpoints.random_states import decoded_states, encoded_states
from pullback.frontend.train.checkpoints.replaced_file import replace_file
from pullback.frontend.train.checkpoints.tensor_file import TensorFileError, read_tensors, write_tensors
from pullback.process.close_matches import get_close_matches
from pullback.process.interrupts import putting_off
from pullback.process.locks import Lock, holding, in_order

__all__ = ["CheckpointError", "restore_checkpoint", "save_checkpoint"]

Variables: TypeAlias = Graph | Sequence[Variable] | Mapping[str, Variable] | None


class CheckpointError(ValueError):
    """A file is no checkpoint, or not one of these variables."""


def save_checkpoint(
    path: str | os.PathLike[str], variables: Variables = None, generators: Generators | None = None
) -> None:
    """Writes the contents of variables, and the states of random generators, to a file in the safetensors format.

    So is the state of random operations without a seed of their own, of each graph that the variables are of.

    It is written beside `path`, flushed to the disk, and renamed: whoever reads `path`, and whatever fails, finds the
    old file or the new one. What a process that was killed has left there of a save is removed by the next one.

    Args:
        path: such as `"model.safetensors"`; a file that is there is replaced, and where `path` is a symbolic link, the
            file that it names.
        variables: a graph (all its variables, those of optimizers among them), a list, or a dict from the names in the
            file; all variables of the current graph unless given.
        generators: NumPy's, by name: what orders the data, say.

    Raises:
        ValueError: an argument is invalid.
        OSError: the file cannot be written: the disk is full, say, or `path` is a folder or a device.
    """
    named, random, graphs = _by_name(variables), checked_generators(generators), _graphs(variables)

    def contents() -> tuple[dict[str, Array], dict[str, str]]:
        return {name: v.storage.contents().copy() for name, v in named.items()}, encoded_states(graphs)

    tensors, metadata = holding(_locks(named, graphs), contents)
    metadata |= encoded_generators(random)
    replace_file(Path(path), lambda file: write_tensors(file, tensors, metadata))


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
        CheckpointError: the file is no checkpoint, or a damaged one, or lacks a name, or what it has differs in shape
            or dtype, or is no state that a generator could have (a `ValueError`, which lists all that do not fit).
        ValueError: an argument is invalid.
        OSError: the file cannot be read.
    """
    named, random, graphs = _by_name(variables), checked_generators(generators), _graphs(variables)
    try:
        tensors, known, metadata = read_tensors(Path(path), named)
    except TensorFileError as error:
        raise CheckpointError(f"{path} is no checkpoint: {error}") from error
    wrong = [text for name, v in named.items() if (text := _misfit(name, v, tensors, known)) is not None]
    states: dict[str, Mapping[str, object]] = {}
    for name, generator in random.items():
        try:
            states[name] = decoded_generator(name, generator, metadata)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise CheckpointError(f"{path}: " + "; ".join(wrong))
    try:
        words = decoded_states(graphs, metadata)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error

    def replace() -> None:
        for name, variable in named.items():
            variable.storage.replace(tensors[name])
        for state, word in words:
            state.storage.replace(word)
        for name, generator in random.items():
            generator.bit_generator.state = states[name]

    holding(_locks(named, graphs), putting_off, replace)


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
        if not isinstance(name, str) or name == "__metadata__":
            raise ArgumentTypeError(f"variables: {name!r} cannot be a name in a checkpoint")
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


def _locks(named: Mapping[str, Variable], graphs: Sequence[Graph]) -> tuple[Lock, ...]:
    """The locks of what a checkpoint holds, so that no step of another thread runs in between."""
    states = [state for graph in graphs if (state := known_random_state(graph)) is not None]
    return in_order([variable.lock for variable in (*named.values(), *states)])


def _misfit(name: str, variable: Variable, stored: Mapping[str, Array], known: Sequence[str]) -> str | None:
    """The reason why a variable cannot be restored; `None` if it can."""
    if name not in stored:
        near = get_close_matches(name, known, n=1)
        hint = f" (there is {near[0]!r})" if near else ""
        return f"there is no '{name}' in it{hint}"
    found, array = stored[name], variable.storage
    if (found.shape, found.dtype) == (array.shape, array.dtype):
        return None
    return (
        f"'{name}' has shape {found.shape} and dtype {found.dtype}, the variable has shape {array.shape} and dtype "
        f"{array.dtype}"
    )
