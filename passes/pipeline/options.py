"""The options of a pass, read from the fields of its dataclass: the one place that states them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache, lru_cache
from itertools import pairwise
from types import MappingProxyType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, ParameterListType
from xdsl.utils.hints import isa, type_repr


@dataclass(frozen=True)
class PassOption:
    """One option, in the spelling of the command line."""

    name: str
    hint: Any
    required: bool
    default: object

    @property
    def type(self) -> str:
        """The values it takes, for people: `add_n | tree`, `int`."""
        if get_origin(self.hint) is Literal:
            return " | ".join(str(value) for value in get_args(self.hint))
        return type_repr(self.hint)

    def accepts(self, values: ParameterListType) -> bool:
        """Tells whether the values written after `name=` fit the option's type."""
        if not values:
            return self.hint is bool or NoneType in get_args(self.hint) or isa(values, self.hint)
        return (len(values) == 1 and isa(values[0], self.hint)) or isa(values, self.hint)


@cache  # each compilation makes some fifty passes, and to evaluate annotations is most of making one
def options_of(cls: type[ModulePass]) -> Mapping[str, PassOption]:
    """The options of a pass by name, in the order of its fields."""
    hints = get_type_hints(cls)
    options = [_option(field, hints[field.name]) for field in fields(cls) if field.init]
    return MappingProxyType({option.name: option for option in options})


def meanings_of(cls: type[ModulePass]) -> dict[str, str]:
    """Reads the descriptions of options, the strings under fields, from the source: Python does not keep them."""
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError, SyntaxError):  # no source: a class of an interactive session
        return {}
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, under in pairwise(definition.body):
        match statement, under:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name.replace("_", "-")] = " ".join(text.split())
            case _:
                pass
    return found


def instance(cls: type[ModulePass], spec: ArgSpec) -> ModulePass:
    """A pass with the options of `spec`; an option of type bool may be given without `=true`.

    Raises:
        ValueError: for an unknown or missing option or a value of the wrong type; the message names it.
    """
    options = options_of(cls)
    given = {name.replace("_", "-"): values for name, values in spec.parameters.items()}
    for name, values in given.items():
        if name not in options:
            raise ValueError(f"unknown option '{name}'; expected {_one_of(list(options))}")
        if not options[name].accepts(values):
            written = ",".join(str(value) for value in values) or "empty"
            raise ValueError(f"option '{name}' is {written}; expected {options[name].type}")
        if options[name].hint is bool and not values:
            given[name] = (True,)
    for option in options.values():
        if option.required and option.name not in given:
            raise ValueError(f"option '{option.name}' is missing; expected {option.type}")
    return _made(cls, spec.name, tuple(given.items()), repr(given))


@lru_cache(maxsize=1024)  # passes hold their options alone, so equal ones may be one
def _made(
    cls: type[ModulePass], name: str, given: tuple[tuple[str, ParameterListType], ...], _types: str
) -> ModulePass:
    """A pass with these options; their text tells what is equal and of another type, such as 1 and true."""
    return cls.from_spec(ArgSpec(name, dict(given)))


def _option(field: Field[Any], hint: Any) -> PassOption:
    name = field.name.replace("_", "-")
    if field.default is not MISSING:
        return PassOption(name, hint, required=False, default=field.default)
    if field.default_factory is not MISSING:
        return PassOption(name, hint, required=False, default=field.default_factory())
    optional = NoneType in get_args(hint)
    return PassOption(name, hint, required=not optional, default=None)


def _one_of(names: list[str]) -> str:
    return "one of: " + ", ".join(names) if names else "none, since the pass takes no options"
