"""Finds the native code of a program among what is kept, or finishes and compiles it and keeps the code.

An entry is JSON and object files, sealed with their digest (`sealed_files`):

    8 bytes    the length of the JSON, lowest byte first
    JSON       the key, what `NativeCode` and `Layout` hold, and the length of each object
    objects
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from pullback.backends.cpu.host_functions import HostFunctions
from pullback.backends.cpu.native_code import NativeCode, from_kept_parts, kept_parts
from pullback.backends.cpu.runtime import Executable
from pullback.backends.object_cache.kept_files import LIMITS, PROGRAM
from pullback.backends.object_cache.private_folder import NotPrivateError, lasting_folder
from pullback.backends.object_cache.program_cache import PROGRAMS
from pullback.backends.object_cache.sealed_files import keep_sealed, read_sealed
from pullback.driver.layout import Argument, Layout, arguments_of_main
from pullback.driver.targets.kept_host_functions import bound_host_functions, kept_host_functions
from pullback.driver.targets.native_function import NativeFunction
from pullback.driver.targets.native_key import NotKeptError, native_key
from pullback.driver.targets.target import ProgramToKeep
from pullback.passes.lowering.made_functions import telling_of_functions

MAGIC = b"pullback program 1\n"
_LENGTH = 8
LARGEST = LIMITS[PROGRAM] // 8
"""Bytes of an entry, which may hold constants of any size."""


def kept_function(program: ProgramToKeep) -> NativeFunction:
    """A program as native code, compiled now or earlier."""
    start = time.perf_counter()
    try:
        folder = _folder()
        key = native_key(program)
    except NotKeptError as reason:
        PROGRAMS.misses[str(reason)] += 1
        return _loaded(*_made(program))
    path = folder / f"{key[:40]}{PROGRAM}"
    found = _found(path, key, program, start)
    if isinstance(found, NativeFunction):
        return found
    arguments, code, host = _made(program)
    made, reason = _loaded(arguments, code, host), found
    try:
        entry = _entry(key, arguments, code, program.finished(), time.perf_counter() - start)
    except NotKeptError as error:
        reason = str(error)
    else:
        PROGRAMS.bytes_written += len(entry) if keep_sealed(path, MAGIC, entry) else 0
    PROGRAMS.misses[reason] += 1
    return made


def _folder() -> Path:
    if not PROGRAMS.is_on:
        raise NotKeptError("this process keeps nothing")
    try:
        folder = lasting_folder()
    except NotPrivateError as error:
        _warn_once(str(error))
        raise NotKeptError("the folder is not private") from None
    if folder is None:
        raise NotKeptError("nothing is kept")
    return folder


@cache
def _warn_once(message: str) -> None:
    warnings.warn(f"{message}; programs are compiled anew in each process", RuntimeWarning, stacklevel=2)


def _made(program: ProgramToKeep) -> tuple[tuple[Argument, ...], NativeCode, HostFunctions]:
    """The code, made while the kernels are being lowered; passes of a user may change what was lowered before them."""
    from pullback.backends.cpu.make_native_code import native_code_maker

    with native_code_maker() as maker:
        with nullcontext() if program.passes else telling_of_functions(maker.early):
            loops = program.lowered()
        return arguments_of_main(loops, program.finished()), *maker.of(loops)


def _loaded(
    arguments: Sequence[Argument], code: NativeCode, host: HostFunctions | None = None
) -> NativeFunction:
    return NativeFunction(Layout.of_arguments(arguments), Executable(code, host))


def _found(path: Path, key: str, program: ProgramToKeep, start: float) -> NativeFunction | str:
    """The function that is kept under a key, or why there is none."""
    try:
        entry = read_sealed(path, MAGIC)
    except FileNotFoundError:
        return "it is new"
    wrong = (ValueError, LookupError, TypeError, RuntimeError, DiagnosticException)
    try:
        arguments, code, seconds = _read(entry or b"", key, program)
        found = _loaded(arguments, code)
    except wrong:  # it was sealed by somebody else
        return "its file is damaged"
    PROGRAMS.hits += 1
    PROGRAMS.bytes_read += len(entry or b"")
    PROGRAMS.seconds_saved += seconds - (time.perf_counter() - start)
    return found


def _entry(
    key: str, arguments: Sequence[Argument], code: NativeCode, finished: ModuleOp, seconds: float
) -> bytes:
    facts, objects = kept_parts(code)
    header = json.dumps(
        {
            "key": key,
            "arguments": [[a.role, list(a.shape), str(a.dtype)] for a in arguments],
            "code": facts,
            "host functions": kept_host_functions(code.host_functions, finished),
            "objects": [len(object_file) for object_file in objects],
            "seconds": seconds,
        }
    ).encode()
    entry = b"".join([len(header).to_bytes(_LENGTH, "little"), header, *objects])
    if len(entry) > LARGEST:
        raise NotKeptError("it is too large to be kept")
    return entry


def _read(entry: bytes, key: str, program: ProgramToKeep) -> tuple[list[Argument], NativeCode, float]:
    """What an entry holds; ValueError for that of another key."""
    end = _LENGTH + int.from_bytes(entry[:_LENGTH], "little")
    header: dict[str, Any] = json.loads(entry[_LENGTH:end])
    if header["key"] != key:
        raise ValueError("the entry has another key")
    objects: list[bytes] = []
    for length in header["objects"]:
        objects.append(entry[end : end + length])
        end += length
    arguments = [Argument(role, tuple(shape), np.dtype(dtype)) for role, shape, dtype in header["arguments"]]
    kept = header["host functions"]
    host_functions = bound_host_functions(kept, program.finished()) if kept else []
    return arguments, from_kept_parts(header["code"], objects, host_functions), header["seconds"]
