"""Arrays on the command line: `.npy` files or numbers written out, checked against the types of a program."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table
from xdsl.dialects.builtin import MemRefType, ShapedType, TensorType
from xdsl.ir import Attribute

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.tensor.arrays import array_of
from pullback.dialects.graph.tensor.conversions import true_as_one
from pullback.dialects.graph.tensor.types import compatible_shapes
from pullback.driver.array_text import BASE64, npy
from pullback.tools.files import FileError, write_bytes

Array = npt.NDArray[Any]


LONGEST_SHOWN = 60
"""Characters of an argument that a message repeats."""

LONGEST_REASON = 300
"""Characters of why an array is refused: the reason may repeat what was given, too."""

WORD = re.compile(r'"[^"]*"|[^\s\[\],"]+')
JSON_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "True": "true", "False": "false"}
"""How JSON writes what Python and NumPy print."""


class ArrayError(Exception):
    """An array given on the command line is not what the program expects; the message says which and why."""


def named_arrays(
    kind: str, given: Sequence[str], expected: Mapping[str, Attribute], *, may_be_missing: bool = False
) -> dict[str, Array]:
    """The arrays of `NAME=FILE.npy` and `NAME=[1.0, 2.0]` arguments, in the order in which they are expected.

    Args:
        kind: what they are called in messages: "input", "variable".
        given: the arguments as written.
        expected: the tensor or memref type of each name.
        may_be_missing: whether a name that is not given gets an array of zeros.

    Raises:
        ArrayError: for a name that is unknown, missing or given twice, an unreadable array, or one of another
            dtype or shape.
    """
    sources: dict[str, str] = {}
    for argument in given:
        name, separator, source = argument.partition("=")
        if not separator:
            raise ArrayError(f"--{kind} {_short(argument)}: expected NAME=FILE.npy")
        if name not in expected:
            raise ArrayError(
                f"--{kind} {_short(argument)}: the program has no {kind} '{name}'{_known(kind, expected)}"
            )
        if name in sources:
            raise ArrayError(f"--{kind} {_short(argument)}: '{name}' is given twice")
        sources[name] = source
    for name, type_ in expected.items():
        _check_type(kind, name, type_, is_made_up=may_be_missing and name not in sources)
    missing = [name for name in expected if name not in sources]
    if missing and not may_be_missing:
        types = ", ".join(f"--{kind} {name}=... ({expected[name]})" for name in missing)
        raise ArrayError(f"{kind}s are missing: {types}")
    return {
        name: _array(f"--{kind} {name}", sources[name], type_)
        if name in sources
        else np.zeros(_shape(type_), dtype_of(type_))
        for name, type_ in expected.items()
    }


def _check_type(kind: str, name: str, type_: Attribute, *, is_made_up: bool) -> None:
    """Raises `ArrayError` for what no array is a value of, or none that is made up."""
    try:
        if not isinstance(type_, TensorType | MemRefType):
            raise TypeError
        dtype_of(type_)
    except TypeError:
        raise ArrayError(f"--{kind} {name}: it is {type_}, which no array is a value of") from None
    if is_made_up and any(n < 0 for n in _shape(type_)):
        raise ArrayError(f"--{kind} {name} is missing: a {type_} has no shape of its own")


def _known(kind: str, expected: Mapping[str, Attribute]) -> str:
    return f"; it has {', '.join(expected)}" if expected else f"; it takes no {kind}s"


def _array(what: str, source: str, type_: Attribute) -> Array:
    dtype = dtype_of(type_)
    stored = source.startswith(BASE64) or is_file(source)
    array = _loaded(what, source) if stored else _written_out(what, source, dtype)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == dtype.kind == "V" and array.dtype.itemsize == dtype.itemsize:
        array = array.view(dtype)  # .npy files have no name for bf16
    if array.dtype != dtype:
        raise ArrayError(f"{what}={_short(source)}: dtype {array.dtype}, expected {dtype} ({type_})")
    if not compatible_shapes(array.shape, _shape(type_)):
        raise ArrayError(f"{what}={_short(source)}: shape {array.shape}, expected {type_}")
    return true_as_one(np.asarray(array, order="C"))


def _short(source: str, longest: int = LONGEST_SHOWN) -> str:
    """Abbreviates an argument for a message."""
    return source if len(source) <= longest else f"{source[:longest]}..."


def _shape(type_: Attribute) -> tuple[int, ...]:
    assert isinstance(type_, ShapedType)
    return tuple(type_.get_shape())


def _written_out(what: str, source: str, dtype: np.dtype[Any]) -> Array:
    try:
        written = json.loads(WORD.sub(_json_word, source), parse_float=_finite, parse_int=_whole)
    except (json.JSONDecodeError, RecursionError):
        raise ArrayError(
            f"{what}={_short(source)}: neither a .npy file nor numbers such as [1.0, 2.0]"
        ) from None
    except ValueError as error:
        raise ArrayError(f"{what}={_short(source)}: {_short(str(error), LONGEST_REASON)}") from None
    try:
        return array_of(_complex_numbers(written) if dtype.kind == "c" else written, "the numbers", dtype)
    except ValueError as error:
        reason = _short(str(error), LONGEST_REASON)
        raise ArrayError(f"{what}={_short(source)}: not an array of {dtype}: {reason}") from None


def _json_word(match: re.Match[str]) -> str:
    """A number as JSON has it; complex ones as strings."""
    word = match.group()
    is_complex = not word.startswith('"') and word.endswith(("j", "j)"))
    return f'"{word.strip("()")}"' if is_complex else JSON_WORDS.get(word, word)


def _finite(digits: str) -> float:
    """A number as it is written; JSON would read one that is too large as infinite, and one too small as 0."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large for f64")
    if number == 0 and re.match("[-0.]*[1-9]", digits):
        raise ValueError(f"{digits} is so small that it would be 0 in f64")
    return number


def _whole(digits: str) -> int:
    """A whole number as it is written; Python's own limit has a message about Python."""
    if len(digits) > LONGEST_REASON:
        raise ValueError(f"a number of {len(digits)} digits is too large for any dtype")
    return int(digits)


def _complex_numbers(written: Any) -> Any:
    """Parses strings such as "1+2j" to complex numbers."""
    if isinstance(written, list):
        return list(map(_complex_numbers, written))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not isinstance(written, str):
        return written
    number = complex(written)
    if not np.isfinite(number) and not re.search("inf|nan", written, re.IGNORECASE):
        raise ValueError(f"{written} is too large for complex<f64>")
    return number


def is_file(source: str) -> bool:
    """Tells whether an argument's array is in a file, in place of numbers."""
    return source.endswith(".npy") or os.path.exists(source)


def _loaded(what: str, source: str) -> Array:
    """The array of a `.npy` file, or of one in base64."""
    try:
        if source.startswith(BASE64):
            data = base64.b64decode(source.removeprefix(BASE64), validate=True)
            loaded = np.load(io.BytesIO(data), allow_pickle=False)
        else:
            loaded = np.load(source, allow_pickle=False)
    except OSError as error:
        raise ArrayError(f"{what}={_short(source)}: cannot read: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise ArrayError(f"{what}={_short(source)}: not a .npy file of numbers") from None
    if not isinstance(loaded, np.ndarray):
        raise ArrayError(f"{what}={_short(source)}: an .npz archive; expected one array in a .npy file")
    return loaded


def save(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write each array to `NAME.npy` in a folder, which is made if missing; the `/` of scopes becomes `.`.

    Raises:
        FileError: the folder or a file cannot be written, or two arrays would be written to one file.
    """
    files: dict[str, str] = {}
    for name in arrays:
        file = f"{name.replace('/', '.')}.npy"
        if file in files:
            raise FileError(f"{folder}: error: '{files[file]}' and '{name}' would both be written to {file}")
        files[file] = name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: error: cannot make the folder: {error.strerror}") from None
    for file, name in files.items():
        write_bytes(folder / file, npy(arrays[name]))


def _extremes(array: Array) -> tuple[str, str, str]:
    """The smallest element, the mean and the largest; complex numbers have no order."""
    if not array.size:
        return "nan", "nan", "nan"
    with np.errstate(invalid="ignore", over="ignore"):  # of signaling NaN, and sums that become infinite
        if array.dtype.kind == "c":
            return "", f"{array.mean():.6g}", ""
        numbers = array.astype(np.float64)
        return f"{numbers.min():.6g}", f"{numbers.mean():.6g}", f"{numbers.max():.6g}"


def summary(arrays: Mapping[str, Array]) -> Table:
    """A row for each array: its name, dtype, shape and range."""
    table = Table("name", "dtype", "shape")
    for column in ("min", "mean", "max"):
        table.add_column(column, justify="right")
    for name, array in arrays.items():
        shape = " x ".join(map(str, array.shape)) or "scalar"
        table.add_row(name, str(array.dtype), shape, *_extremes(array))
    return table
