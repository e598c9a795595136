"""docs/operations.md: the reference of the graph dialect, from its classes."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import FunctionType

import pullback.dialects.graph as dialect
from pullback.dialects.graph.elementwise.gamma import LARGEST_ORDER
from pullback.dialects.graph.examples import spelled_out
from pullback.dialects.graph.op.checks import check_results, check_tensor
from pullback.dialects.graph.op.families import DTYPE_CLASSES, any_dtype
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.dialects.graph.tensor.types import MAX_RANK
from pullback.passes.gradients.rule_registry import RuleState, state_of

HEADER = """# Operations

The graph dialect, levels 0 to 3. This page is made from the classes under `dialects/graph` by
`python -m pullback.tools.generate`; a test checks that it is up to date.

Each operation has an example of its text, the gradients of its operands (`dy` is the gradient of its result), and the
constraints that its verifier checks, by the label that begins the message. These are checked for every operation:

{shared}
"""

GRADIENTS = {
    RuleState.RULE: "has a rule",
    RuleState.NOT_DIFFERENTIABLE: "not differentiable: nothing flows back",
    RuleState.NONE: "none: a path through it is an error",
}
LABEL = re.compile(r"^(?P<label>[a-z]+_c\d): ")


def reference() -> str:
    """The whole page, in Markdown."""
    families = [(module, list(_operations(module))) for module in dialect.FAMILIES]
    header = HEADER.format(shared="\n".join(_listed(SHARED)))
    return "\n".join([header, *(_section(module, ops) for module, ops in families)])


def _operations(module: str) -> Iterator[type[GraphOp]]:
    name = f"{dialect.__name__}.{module}"
    return (cls for cls in OPS.ours.values() if cls.__module__ == name)


def _section(module: str, ops: list[type[GraphOp]]) -> str:
    summary = (inspect.getdoc(import_module(f"{dialect.__name__}.{module}")) or "").partition("\n")[0]
    return "\n".join([f"## {module.replace('_', ' ').capitalize()}\n\n{summary}\n", *map(operation, ops)])


def operation(cls: type[GraphOp]) -> str:
    """The part of the page about one operation, which may be of a plug-in."""
    parts = [f"### `{cls.name}`", _prose(cls)]
    if examples := cls.examples():
        shown = "\n".join(spelled_out(example).replace("\n  ", "\n") for example in examples)
        parts.append(f"```text\n{shown}\n```")
    own = {label: said for label, said in constraints(cls).items() if SHARED.get(label) != said}
    facts = [f"- Gradient: {_gradient(cls)}.", *_listed(own)]
    return "\n\n".join([*parts, "\n".join(facts)]) + "\n"


def _prose(cls: type[GraphOp]) -> str:
    """The docstring; what is indented in it is text of a program."""
    paragraphs = (inspect.getdoc(cls) or "").split("\n\n")
    return "\n\n".join(
        f"```text\n{textwrap.dedent(p)}\n```" if p.startswith("    ") else p for p in paragraphs
    )


# ---- gradients ----------------------------------------------------------------------------------------------


def _gradient(cls: type[GraphOp]) -> str:
    """The mathematics of a rule that is one `return`; else what is known about the gradient."""
    rule = getattr(cls, "gradient", None)
    if state_of(cls) is not RuleState.RULE or rule is None:
        return GRADIENTS[state_of(cls)]
    match _definition(rule).body:
        case [ast.Return(value=ast.Tuple(elts=terms))] if not any(isinstance(t, ast.Starred) for t in terms):
            return ", ".join(f"`{_formula(cls, term)}`" for term in terms)
        case _:
            return f"a rule, in `{cls.__module__.removeprefix('pullback.').replace('.', '/')}.py`"


def _formula(cls: type[GraphOp], term: ast.expr) -> str:
    """A term of a rule, with operands by name."""
    names = [name for name, _ in cls.get_irdl_definition().operands]
    text = re.sub(r"Tensor\(self\._operands\[(\d)\]\)", lambda m: names[int(m[1])], ast.unparse(term))
    return text.replace("self.", "")


# ---- constraints --------------------------------------------------------------------------------------------


def _name(cls: type[GraphOp]) -> str:
    return getattr(cls, "name", "")


KNOWN: dict[str, Callable[[type[GraphOp]], str]] = {
    **dict.fromkeys(("op", "op.name", "cls.name", "self.name"), _name),
    "DTYPE_CLASSES[op.DTYPES]": lambda cls: DTYPE_CLASSES[getattr(cls, "DTYPES", any_dtype)],
    "LARGEST_ORDER": lambda cls: str(LARGEST_ORDER),
    "MAX_RANK": lambda cls: str(MAX_RANK),
}
"""What an operation's class alone says about the expressions in messages."""


def constraints(cls: type[GraphOp]) -> dict[str, str]:
    """Lists the constraints of an operation's verifier: each label with its message, `…` for parts that vary."""
    return _refusals(_checks(cls), cls)


def _refusals(functions: Iterable[FunctionType], cls: type[GraphOp]) -> dict[str, str]:
    found: dict[str, str] = {}
    for function in functions:
        for node in ast.walk(_definition(function)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                said = _message(node.exc.args[0], cls)
                if (match := LABEL.match(said)) and DTYPE_CLASSES[any_dtype] not in said:
                    found.setdefault(match["label"], _constraint(said[match.end() :]))
    return dict(sorted(found.items()))


def _message(text: ast.expr, cls: type[GraphOp]) -> str:
    """The text of an f-string, after the operation's name."""
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(_part(part, cls) for part in parts).removeprefix(f"{_name(cls)}: ")


def _part(part: ast.expr, cls: type[GraphOp]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    source = ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else ""
    return KNOWN[source](cls) if source in KNOWN else "…"


def _constraint(message: str) -> str:
    """The constraint, without what was found in its place."""
    return re.sub(r",? (?:got|for) .*$", "", message).strip()


def _checks(cls: type[GraphOp]) -> list[FunctionType]:
    """The functions that may refuse an operation: its verifier, and what that calls in the dialect."""
    pending: list[object] = [cls.verify_]
    found: list[FunctionType] = []
    while pending:
        method = pending.pop(0)
        function = getattr(method, "__func__", method)
        if not isinstance(function, FunctionType) or function in found:
            continue
        # xDSL and `verified_once` wrap the verifier that a class states.
        pending.extend(cell.cell_contents for cell in function.__closure__ or ())
        if function.__module__.startswith((dialect.__name__, cls.__module__)):
            found.append(function)
            pending.extend(_called(function, cls))
    return found


def _defined(cls: type[GraphOp], name: str) -> Iterator[object]:
    """Collects the attribute of this name from a class and its bases."""
    for base in cls.__mro__:
        if (stated := vars(base).get(name)) is not None:
            yield getattr(stated, "__func__", stated)


def _called(function: FunctionType, cls: type[GraphOp]) -> Iterator[object]:
    """The functions that a function names, as they are for this class."""
    for node in ast.walk(_definition(function)):
        match node:
            case ast.Name(id=name):
                yield function.__globals__.get(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                yield getattr(cls, name, None)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                yield from _defined(cls, name)
            case _:
                pass


def _definition(function: Callable[..., object]) -> ast.FunctionDef:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef)
    return definition


SHARED = _refusals((check_results, check_tensor), GraphOp)
"""What the verifiers of all operations may say."""


def _listed(said: dict[str, str]) -> list[str]:
    return [f"- `{label}`: {message}" for label, message in said.items()]
