"""`[@function:][%y,…:]%x`: resolves the values that a question about a gradient names, and explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.lexer import Input, Span

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.diagnostics import TextError
from pullback.dialects.ir.source import Source
from pullback.passes.calls.inline_calls import inline_calls
from pullback.passes.explain.dependence import Dependence
from pullback.passes.explain.explain_gradient import explain, written_at
from pullback.passes.explain.explanation import Explanation
from pullback.passes.gradients.generate_gradients import expand
from pullback.passes.gradients.visible import Visible
from pullback.passes.rewriting.limits import MAX_OPERATIONS, Budget
from pullback.passes.rewriting.name_scopes import used_scopes
from pullback.process.close_matches import get_close_matches


def explanations(
    source: Source, text: str, max_operations: int = MAX_OPERATIONS, *, name: str = "--explain"
) -> list[Explanation]:
    """The explanations that a text asks for: one for each request about x, or the only one without requests.

    Calls are inlined first, in the module of `source`; what was called stays, so that it may be asked about.

    The ys are those that the text names, else those of the requests, else what the function returns. Requests that
    they depend on are answered first, in the module of `source`.

    Args:
        source: the program.
        text: `%x`, `%y,%z:%x`, or either after `@function:`; a name without `%` is that of a location.
        max_operations: how many operations the program may become without calls and requests.
        name: what messages call the text.

    Raises:
        TextError: a name is not that of one value.
        DiagnosticError: a call cannot be inlined, or a request that the ys depend on not be answered.
    """
    inline_calls(source.module, max_operations)
    budget = Budget(name, max_operations, source.module)
    question = _Question(source, text, name)
    function = question.function
    requests = [op for op in function.walk() if isinstance(op, Gradients)]
    about = [] if question.ys else [op for op in requests if question.x in op.xs] or requests

    def locate(op: Operation) -> str | None:
        span = source.position(op)
        return written_at(op) if span is None else str(span.get_location())

    found: list[Explanation] = []
    for request in about:
        block = _block_around(request)
        _answer_behind(request.ys, block, function, budget)
        seeds = [None if s is None else Tensor(s) for s in request.seed_per_y]
        found.append(explain(request.ys, question.x, block, request.stops, locate, seeds))
    if not about:
        _answer_behind(question.ys or _returned(function), _block_around(question.x), function, budget)
        question = _Question(source, text, name)  # an answer takes the place of the values of its request
        ys = question.ys or _returned(function)
        found.append(explain(ys, question.x, _block_around(ys[0]) if ys else function.body.block, (), locate))
    return found


def _answer_behind(ys: Sequence[SSAValue], block: Block, function: func.FuncOp, budget: Budget) -> None:
    """Answers the requests that the ys depend on."""
    behind = Dependence(ys, Visible.around(block)).behind
    scopes = used_scopes(function)
    for request in [op for op in function.walk() if isinstance(op, Gradients) and op in behind]:
        expand(request, scopes, budget)


def _returned(function: func.FuncOp) -> list[SSAValue]:
    last = function.body.block.last_op
    return list(last.operands) if isinstance(last, func.ReturnOp) else []


@dataclass(frozen=True)
class _Part:
    """A name in the text, and its position."""

    name: str
    start: int

    def error(self, text: Input, message: str) -> TextError:
        return TextError(message, Span(self.start, self.start + max(1, len(self.name)), text))


class _Question:
    """The values that a text names in a program."""

    def __init__(self, source: Source, written: str, name: str) -> None:
        self.text = text = Input(written, name)
        function, ys, x = _parts(text)
        functions = {op.sym_name.data: op for op in source.module.walk() if isinstance(op, func.FuncOp)}
        if not functions:
            raise x.error(text, "the program has no function")
        if function is not None and function.name[1:] not in functions:
            raise function.error(
                text, f"no function {function.name}{_near(function.name, ['@' + n for n in functions])}"
            )
        among = list(functions.values()) if function is None else [functions[function.name[1:]]]
        self.function, self.x = self._x(x, among)
        self.ys = [self._only(y, self.function) for y in ys]

    def _x(self, part: _Part, functions: Sequence[func.FuncOp]) -> tuple[func.FuncOp, SSAValue]:
        """The value, in the only function that has it, or else in the only one with a request."""
        having = [f for f in functions if _named(f, part.name)]
        asking = [f for f in having if any(isinstance(op, Gradients) for op in f.walk())]
        chosen = having if len(having) < 2 or len(asking) != 1 else asking
        if len(chosen) > 1:
            names = ", ".join(f"@{f.sym_name.data}" for f in chosen)
            raise part.error(
                self.text, f"{part.name} is in several functions ({names}): write @name:{self.text.content}"
            )
        function = chosen[0] if chosen else functions[0]
        return function, self._only(part, function)

    def _only(self, part: _Part, function: func.FuncOp) -> SSAValue:
        found = _named(function, part.name)
        if len(found) == 1:
            return found[0]
        where = f"in @{function.sym_name.data}"
        if found:
            raise part.error(
                self.text, f"{len(found)} values are called {part.name} {where}: give them locations"
            )
        if part.name[:1] == "%" and part.name[1:].isdigit():
            raise part.error(
                self.text, f"{part.name} is a number, not a name: give the value a name in the text"
            )
        sigil = "%" if part.name.startswith("%") else ""
        known = [sigil + n for v in _values(function) if (n := v.name_hint if sigil else name_of_value(v))]
        raise part.error(self.text, f"no value {part.name} {where}{_near(part.name, known)}")


def _parts(text: Input) -> tuple[_Part | None, list[_Part], _Part]:
    """The function, the ys and x, with their places."""
    fields: list[_Part] = []
    start = 0
    for field in text.content.split(":"):
        fields.append(_Part(field, start))
        start += len(field) + 1
    function = fields.pop(0) if fields[0].name.startswith("@") and len(fields) > 1 else None
    if not 1 <= len(fields) <= 2 or any(not f.name for f in fields):
        whole = _Part(text.content, 0)
        raise whole.error(
            text, "expected a value such as %w, ys and a value such as %y,%z:%w, or @function: before either"
        )
    ys: list[_Part] = []
    if len(fields) == 2:
        start = fields[0].start
        for name in fields[0].name.split(","):
            ys.append(_Part(name, start))
            start += len(name) + 1
    return function, ys, fields[-1]


def _values(function: func.FuncOp) -> list[SSAValue]:
    found: list[SSAValue] = []
    for op in function.walk():
        found.extend(op.results)
        for region in op.regions:
            for block in region.blocks:
                found.extend(block.args)
    return found


def _named(function: func.FuncOp, name: str) -> list[SSAValue]:
    """The values of this name: `%w` as in the text, and without `%` as in locations (`layer/tanh`)."""
    matches: Callable[[SSAValue], bool] = (
        (lambda v: v.name_hint == name[1:]) if name.startswith("%") else (lambda v: name_of_value(v) == name)
    )
    return [value for value in _values(function) if matches(value)]


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _block_around(what: SSAValue | Operation) -> Block:
    """The block of an operation, or in which a value is defined."""
    owner = what if isinstance(what, Operation) else what.owner
    block = owner if isinstance(owner, Block) else owner.parent
    assert block is not None
    return block
