"""Printing passes as the text of a pipeline, which the parser reads back."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ParameterType

from pullback.passes.pipeline.options import PassOption, options_of
from pullback.passes.pipeline.pipeline_text import MODULE

_PLAIN = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*", re.ASCII)
"""Strings that need no quotes."""
_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f\x85\u2028\u2029]')


def pipeline_text(passes: Iterable[ModulePass], *, defaults: bool = False) -> str:
    """The text of a pipeline, without `builtin.module(...)` around it.

    Args:
        passes: its passes.
        defaults: write also the options that are at their defaults.
    """
    return ",".join(pass_text(pass_, defaults=defaults) for pass_ in passes)


def module_pipeline_text(passes: Iterable[ModulePass]) -> str:
    """The text of a pipeline as `mlir-opt --dump-pass-pipeline` prints it: every option is written."""
    return f"{MODULE}({pipeline_text(passes, defaults=True)})"


def pass_heading(pass_: ModulePass) -> str:
    """What headings and tables call a pass: its text, or its name where an option has no text, as a user's may."""
    try:
        return pass_text(pass_)
    except (TypeError, NameError):
        return str(pass_.name)


def pass_text(pass_: ModulePass, *, defaults: bool = False) -> str:
    """The text of one pass with its options.

    Raises:
        TypeError: an option is none that text can say.
    """
    written: list[str] = []
    for option in options_of(type(pass_)).values():
        value = getattr(pass_, option.name.replace("-", "_"))
        is_default = not option.required and value == option.default
        if not is_default or (defaults and value is not None):
            written.append(_option_text(option, value))
    return f"{pass_.name}{{{' '.join(written)}}}" if written else str(pass_.name)


def _option_text(option: PassOption, value: object) -> str:
    if value is None:
        return option.name
    if not isinstance(value, tuple | list):
        return f"{option.name}={_value_text(value)}"
    values = ",".join(map(_value_text, value))
    return f"{option.name}={values}" if value else f"{option.name}={{}}"


def _value_text(value: ParameterType | object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            is_plain = _PLAIN.fullmatch(value) and value not in ("true", "false")
            return value if is_plain else f'"{_ESCAPED.sub(_escape, value)}"'
        case _:
            raise TypeError(f"{value!r} cannot be written as the value of an option")


def _escape(match: re.Match[str]) -> str:
    return "".join(f"\\{byte:02x}" for byte in match[0].encode())
