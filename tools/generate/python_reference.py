"""docs/python.md: the reference of `import pullback`, from docstrings."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import FunctionType
from typing import Any

import pullback
from pullback.frontend import public, public_on_demand

HEADER = """# Python

What `import pullback as pb` offers. This page is made from docstrings by
`python -m pullback.tools.generate`; a test checks that it is up to date.

An *operand* is anything that may be used as a tensor in an expression: a `Tensor`, a `Variable` (which is read), slices
(which are made dense), a number, an array or a list. Numbers and lists take the dtype of the tensor beside them, arrays
keep theirs. `x[…]` takes parts of an operand as NumPy does: by integers, slices, `...`, `None`, tensors and arrays
of integers, and arrays of truth values. The gradient of a pick along the first axis alone is rows.

`name` names the operation that a function makes. Wrong arguments raise `ValueError`; where the kind or the dtype of a
value is at fault it is a `TypeError` too.
"""

SECTION = re.compile(
    r"^# ---- (?P<title>.+) ----$|^from (?P<module>[\w.]+) import (?P<name>\*|\w+)", re.MULTILINE
)
"""The lines of the modules of public names that this page follows."""
HEADING = re.compile(r"^(Args|Returns|Raises):[ ]*\n", re.MULTILINE)


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEADER, *(_section(title, modules) for title, modules in sections().items())])


def documented() -> set[str]:
    """Every public name that the page has."""
    return {name for modules in sections().values() for module in modules for name in _public(module)}


def sections() -> dict[str, list[str]]:
    """The modules in which public names are defined, by the section that imports them."""
    found: dict[str, list[str]] = {}
    modules: list[str] = []
    for line in SECTION.finditer(inspect.getsource(public) + inspect.getsource(public_on_demand)):
        if title := line["title"]:
            modules = found.setdefault(title, [])
            continue
        value = getattr(pullback, line["name"], None) if line["name"] != "*" else None
        named = [getattr(value, name).__module__ for name in value.__all__] if inspect.ismodule(value) else []
        modules += [m for m in dict.fromkeys(named or [line["module"]]) if m not in modules]
    return found


def _public(module: str) -> dict[str, Any]:
    """The public definitions of a module, by their names after `pb.`, in the order of the module."""
    order: list[str] = list(vars(import_module(module)))
    found = {n: v for n, v in _all_public() if getattr(v, "__module__", "") == module}
    return dict(sorted(found.items(), key=lambda item: order.index(item[1].__name__)))


def _all_public() -> Iterator[tuple[str, Any]]:
    """Each public name with its object; in place of a module, such as `train`, those in it."""
    for name in pullback.__all__:
        value = getattr(pullback, name)
        if inspect.ismodule(value):
            yield from ((f"{name}.{n}", getattr(value, n)) for n in value.__all__)
        else:
            yield name, value


def _section(title: str, modules: Sequence[str]) -> str:
    entries = [entry for module in modules for entry in _public(module).items()]
    return "\n".join(
        [f"## {title}\n", *(_entry("###", f"pb.{n}", n.rpartition(".")[2], v) for n, v in entries)]
    )


def _entry(depth: str, path: str, name: str, value: Any) -> str:
    parts = [f"{depth} `{path}{_signature(value)}`", _prose(value)]
    members = {member: inspect.getattr_static(value, member) for member in _members(value)}
    parts += [_entry(f"{depth}#", f"{name}.{n}", n, member).rstrip() for n, member in members.items()]
    return "\n\n".join(parts) + "\n"


def _members(value: Any) -> Sequence[str]:
    """The members of a class that users call: what `DOCUMENTED` in it says, or else those that have a docstring."""
    if not inspect.isclass(value):
        return ()
    own: Mapping[str, Any] = vars(value)
    kinds = (FunctionType, property, classmethod, staticmethod)
    described = (n for n, m in own.items() if isinstance(m, kinds) and m.__doc__ and not n.startswith("_"))
    return own.get("DOCUMENTED", tuple(described))


def _signature(value: Any) -> str:
    """Names and defaults; the docstring says what types they have."""
    if not callable(value) or (inspect.isclass(value) and not _is_called(value)):
        return ""
    signature = inspect.signature(value)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty) for n, p in signature.parameters.items() if n != "self"
    ]
    return str(inspect.Signature(parameters))


def _is_called(cls: type[Any]) -> bool:
    """Tells whether users make objects of a class: if its docstring says what it takes, or it takes nothing."""
    if issubclass(cls, BaseException):
        return False
    own: Any = vars(cls).get("__init__")
    takes_nothing = own is not None and list(inspect.signature(own).parameters) == ["self"]
    return takes_nothing or "\nArgs:\n" in (inspect.getdoc(cls) or "")


def _prose(value: Any) -> str:
    """A docstring, with its sections as lists."""
    text, *sections = HEADING.split(inspect.getdoc(value) or "")
    parts = [text.strip()]
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        parts.append(_list(heading, textwrap.dedent(body).strip()))
    return "\n\n".join(parts)


def _list(heading: str, body: str) -> str:
    if heading == "Returns":
        return f"Returns {body[:1].lower()}{body[1:]}"
    entries = [" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", body)]
    lead = ["Raises\n"] if heading == "Raises" else []
    return "\n".join([*lead, *("- " + re.sub(r"^([\w*, ]+): ", r"`\1`: ", entry) for entry in entries)])
