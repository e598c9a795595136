"""Reproducers: a program, its pipeline and inputs, and the versions, in one text that is the program as well.

The text is the program as it is, so that every tool reads it and positions stay. Comments at its end, JSON without
their slashes, hold the rest:

    // pullback-reproducer: {
    //   "tool": "pullback-run",
    //   "pipeline": "canonicalize,cse",
    //   "inputs": ["x=[1.0, 2.0]"],
    //   ...
    // }

MLIR writes `{-# external_resources: ... #-}` there, which xDSL's parser refuses.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.lexer import Input, Span

from pullback.dialects.ir.diagnostics import TextError
from pullback.dialects.ir.print_anyway import print_anyway
from pullback.dialects.ir.text import print_module
from pullback.driver.array_text import Array, array_text
from pullback.driver.plugins.registration import plugins
from pullback.passes.pipeline.instrumentation import PassInstrumentation
from pullback.passes.pipeline.print_pipeline import pass_heading
from pullback.process.whole_files import write_bytes

PACKAGES = ("pullback", "xdsl", "numpy", "ml_dtypes", "llvmlite")
"""Whose versions a reproducer tells."""
_OPENING = "// pullback-reproducer: {"
_CLOSING = "// }"
_IS_TEXT = re.compile(r"[^\x00\ud800-\udfff]*")


class ReproducerError(TextError):
    """A text holds no reproducer, or one that cannot be read, at `span`."""


def versions() -> dict[str, str]:
    """The versions of what decides about results: Python, the packages, plug-ins that are loaded, and the machine."""
    from importlib.metadata import (  # takes milliseconds, and most programs do not fail
        PackageNotFoundError,
        version,
    )

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    loaded = {p.distribution: p.version or "none" for p in plugins() if p.distribution and p.error is None}
    return {**found, **loaded, "machine": f"{platform.system()} {platform.machine()}"}


@dataclass(frozen=True)
class Reproducer:
    """What repeats one run of a tool; its string is the text of a reproducer."""

    program: str
    """The program, as MLIR text: as it was before the pipeline."""
    pipeline: str = ""
    """The passes that ran over it, as `-p` takes them; a target has more, after these."""
    tool: str = "pullback-opt"
    """The tool that repeats the run: `pullback-opt`, or `pullback-run` where arrays are computed."""
    arguments: tuple[str, ...] = ()
    """The other options of the tool."""
    function: str = "main"
    """The function that `pullback-run` runs."""
    target: str = "numpy"
    """What it runs on."""
    inputs: tuple[str, ...] = ()
    """`NAME=ARRAY` for each input: numbers, or `base64:` and a `.npy` file."""
    variables: tuple[str, ...] = ()
    """`NAME=ARRAY` for the contents of each variable before the run."""
    error: str = ""
    """What went wrong; empty where nothing did."""
    versions: Mapping[str, str] = field(default_factory=versions)
    """By which versions it was written."""

    @classmethod
    def of_run(
        cls,
        program: str | ModuleOp,
        pipeline: str,
        *,
        target: str = "numpy",
        function: str = "main",
        inputs: Mapping[str, Array],
        variables: Mapping[str, Array] | None = None,
        arguments: tuple[str, ...] = (),
        error: str = "",
    ) -> Reproducer:
        """Describes a run of a function on arrays, by name, which `pullback-run --run-reproducer` repeats."""
        return cls(
            program=program if isinstance(program, str) else print_module(program),
            pipeline=pipeline,
            tool="pullback-run",
            arguments=arguments,
            function=function,
            target=target,
            inputs=tuple(f"{name}={array_text(array)}" for name, array in inputs.items()),
            variables=tuple(f"{name}={array_text(array)}" for name, array in (variables or {}).items()),
            error=error,
        )

    def __str__(self) -> str:
        of_runs = ("function", "target") if self.tool != "pullback-run" else ()
        values = {
            name: value for name, value in asdict(self).items() if value and name not in ("program", *of_runs)
        }
        program = self.program if self.program.endswith("\n") or not self.program else self.program + "\n"
        comments = ",\n".join(f'  "{name}": {_json(value)}' for name, value in values.items())
        return "".join(
            [program, f"{_OPENING}\n", *(f"// {line}\n" for line in [*comments.splitlines(), "}"])]
        )


class CrashReproducer(PassInstrumentation):
    """Writes a reproducer of a pass that fails: the program as it was before it, and this pass.

    The program is printed before each pass, so it is for when one looks for a bug.

    Args:
        path: the file, which `pullback-opt --run-reproducer` repeats; it is written after a failure alone.
    """

    needs_every_pass = False

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._before = ""

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Keeps the program as text."""
        self._before = print_anyway(module)

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        """Writes the file, and a note into the error that names it."""
        said = f"{type(error).__name__}: {error}"
        reproducer = Reproducer(self._before, pass_heading(pass_), error=said)
        try:
            write_reproducer(self._path, reproducer)
        except OSError as problem:
            error.add_note(f"no reproducer could be written to {self._path}: {problem.strerror}")
        else:
            error.add_note(how_to_repeat(self._path, reproducer))


def how_to_repeat(path: Path, reproducer: Reproducer) -> str:
    """Says in which file a reproducer is, and the command that repeats it."""
    import shlex

    command = f"{reproducer.tool} --run-reproducer {shlex.quote(str(path))}"
    return f"reproducer generated at {path}; repeat with {command}"


def write_reproducer(path: Path, reproducer: Reproducer) -> None:
    """Writes the text of a reproducer into a file, beside it first.

    Raises:
        OSError: the file cannot be written.
    """
    write_bytes(path, str(reproducer).encode())


def parse_reproducer(text: str, name: str = "<reproducer>") -> Reproducer:
    """Reads the text of a reproducer, of whatever version.

    Args:
        text: a program that ends in the comments of a reproducer.
        name: what messages call the text.

    Raises:
        ReproducerError: for a text without such comments, or wrong ones, at their place.
    """
    start, end = _place(text)
    if start < 0:
        message = f"no reproducer: expected comments that begin with '{_OPENING}'"
        raise ReproducerError(message, Span(0, 1, Input(text, name)))
    lines = text[start:end].splitlines()
    try:
        values = json.loads("\n".join(["{", *(line.removeprefix("//") for line in lines[1:])]))
    except (json.JSONDecodeError, RecursionError) as error:
        at = start
        reason = "nested too deeply"
        if isinstance(error, json.JSONDecodeError):
            reason = error.msg
            at += sum(len(line) + 1 for line in lines[: error.lineno - 1])
        raise ReproducerError(f"reproducer: not JSON in comments: {reason}", _line(text, name, at)) from None
    try:
        _check_characters(values)
        return Reproducer(program=text[:start] + text[end:], **_checked(values))
    except ValueError as error:
        raise ReproducerError(f"reproducer: {error}", _line(text, name, start)) from None


def program_alone(text: str) -> str:
    """The program of a text, without the comments of a reproducer where it ends in some."""
    start, end = _place(text)
    return text if start < 0 else text[:start] + text[end:]


def _json(value: object) -> str:
    """A value as JSON on one line, or on several where it is long."""
    line = json.dumps(value)
    return line if len(line) < 100 else json.dumps(value, indent=2).replace("\n", "\n  ")


def _place(text: str) -> tuple[int, int]:
    """From where to where the comments of the last reproducer in a text reach; -1 without one."""
    found = list(re.finditer(rf"^{re.escape(_OPENING)}[ \t]*\r?$", text, re.MULTILINE))
    if not found:
        return -1, -1
    start = found[-1].start()
    closing = re.compile(rf"^{re.escape(_CLOSING)}[ \t]*\r?\n?", re.MULTILINE).search(text, start)
    return start, closing.end() if closing is not None else len(text)


def _line(text: str, name: str, at: int) -> Span:
    end = text.find("\n", at)
    return Span(at, len(text) if end < 0 else end, Input(text, name))


def _check_characters(value: object) -> None:
    """Raises ValueError for strings that no command line can hold."""
    if isinstance(value, dict | list):
        for inner in value.items() if isinstance(value, dict) else value:
            _check_characters(list(inner) if isinstance(inner, tuple) else inner)
    elif isinstance(value, str) and not _IS_TEXT.fullmatch(value):
        raise ValueError("expected strings without null characters and lone surrogates")


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a reproducer, of the types that they should have; unknown ones are of another version."""
    checked: dict[str, Any] = {"versions": {}}
    for known in fields(Reproducer):
        if known.name not in values or known.name == "program":
            continue
        value = values[known.name]
        if known.name == "versions":
            is_right = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
            checked[known.name] = value
        elif str(known.type).startswith("tuple"):
            is_right = isinstance(value, list) and all(isinstance(v, str) for v in value)
            checked[known.name] = tuple(value) if is_right else ()
        else:
            is_right = isinstance(value, str)
            checked[known.name] = value
        if not is_right:
            expected = {"versions": "an object of strings"}.get(
                known.name, "a list of strings" if str(known.type).startswith("tuple") else "a string"
            )
            raise ValueError(f'"{known.name}": expected {expected}')
    return checked
