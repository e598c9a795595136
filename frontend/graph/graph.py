"""`Graph`: one function under construction, and the stamps on the operations that are put into it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, ClassVar, Self, TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue

from pullback.dialects.graph.tensor.insertion import InsertionBlock, inserting, insertion_block_around
from pullback.dialects.graph.tensor.location import is_unknown, name_of_value, named
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import AnyTensor
from pullback.dialects.ir.diagnostics import note_place
from pullback.dialects.ir.positions import note_calling_line, records_lines
from pullback.dialects.ir.text import print_module
from pullback.frontend.graph.copies import restore, state_of
from pullback.frontend.graph.draws import Draws
from pullback.frontend.graph.gradient_overrides import override_stamp
from pullback.frontend.graph.rollback import erase_after, erase_from, forget_from
from pullback.frontend.graph.unique_names import UniqueNames, valid_hint
from pullback.frontend.graph.visibility import block_of, check_visible

__all__ = ["Graph"]

Stamp: TypeAlias = Callable[[Operation], None]
"""Called on each new operation before it is put into the graph."""

_current: ContextVar[Graph] = ContextVar("current_graph")


class _TakeBackError(Exception):
    """Ends `tentatively`: nothing went wrong, but what was added is rolled back."""


class GraphBlock(InsertionBlock):
    """The body of a graph's function. It knows its graph, and so does every value in it."""

    graph: Graph

    def insert(self, op: Operation) -> None:
        self.graph.insert(op)


class Graph:
    """A tensor program. Inside `with Graph() as g:` functions and operators add operations to it.

    Several graphs may exist, one may be entered more than once, and none is current outside of a `with`.

    Args:
        record_lines: note the line of Python at which each operation is written, for messages and for texts with
            `debuginfo`. `None` means yes, unless the environment variable `PULLBACK_RECORD_LINES` is 0.
    """

    DOCUMENTED: ClassVar = ("module", "operations", "gradient_override_map")
    """The members that docs/python.md shows: the others are for the inside."""

    def __init__(self, *, record_lines: bool | None = None) -> None:
        self.record_lines = records_lines() if record_lines is None else record_lines
        self.names = UniqueNames()
        self.draws = Draws()
        self.stamps: list[Stamp] = []
        self.variables: dict[str, Any] = {}
        """Each `Variable` by its name, in the order in which they were made."""
        self.adopts_variables = False
        """Whether variables of other graphs may be used: a function that is traced shares their contents."""
        self.makes_variables, self.made_variables = True, False
        """Whether variables may be made here, and whether some were: a later trace must not make them anew."""
        self.handles: dict[Any, Tensor] = {}
        """The reference to each adopted `Variable`."""
        self.control_inputs: dict[Operation, tuple[Operation, ...]] = {}
        """Operations that an operation needs without using their results."""
        self.next_name: str | None = None
        """The name of the next operation, in place of that of its kind."""
        self.steps: dict[Hashable, object] = {}
        """The steps that `run` has compiled, the latest last."""
        self._body = GraphBlock()
        self._body.graph = self
        self._block: Block = self._body
        self._function = func.FuncOp("main", FunctionType.from_lists([], []), Region(self._body))
        self._module = ModuleOp([self._function])
        self._closed = False
        self.placed_before: list[Operation] = []
        """Operations made late that precede others: outside of a loop, or beside what they serve."""
        self.requests: list[Any] = []
        """The requests for gradients inside of the loops under construction."""
        self._entered: list[ExitStack] = []

    def __enter__(self) -> Self:
        self._entered.append(ExitStack())
        self._entered[-1].enter_context(self.current())
        return self

    def __exit__(self, *error: object) -> None:
        self._entered.pop().close()

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self)

    __setstate__, __copy__ = restore, deepcopy  # half a graph is none

    @contextmanager
    def current(self) -> Generator[None]:
        """Inserts new operations into this graph, within this block."""
        token = _current.set(self)
        try:
            with inserting(self.insert, is_users=True):
                yield
        finally:
            _current.reset(token)

    def gradient_override_map(self, rules: Mapping[str, str]) -> AbstractContextManager[None]:
        """Makes operations created in the block use other gradient functions; see `RegisterGradient`.

        Args:
            rules: from the name of an operation (`"tanh"`) to the name of a registered function.

        Raises:
            ValueError: no mapping of strings (a `TypeError` too), or a key that names no operation.
        """
        return self.stamping([override_stamp(rules)])

    @contextmanager
    def stamping(self, stamps: Sequence[Stamp], without: Sequence[Stamp] = ()) -> Generator[None]:
        """Calls `stamps`, too, on each new operation within this block, and not those of `without`."""
        outer = self.stamps
        self.stamps = [s for s in outer if s not in without] + list(stamps)
        try:
            yield
        finally:
            self.stamps = outer

    @property
    def body(self) -> Block:
        """The block of the function: its arguments are the placeholders."""
        return self._body

    @property
    def module(self) -> ModuleOp:
        """A module of one function, `@main`, with all operations; it returns nothing.

        This is the graph itself, not a copy: the next operation added opens the function again.
        """
        if not self._closed:
            self._body.add_op(func.ReturnOp())
            self._closed = True
        self._function.function_type = FunctionType.from_lists(list(self._body.arg_types), [])
        return self._module

    def __str__(self) -> str:
        return print_module(self.module)

    @property
    def operations(self) -> list[Operation]:
        """The operations in order of creation, those inside loops excepted."""
        return [op for op in self._body.ops if not isinstance(op, func.ReturnOp)]

    def add_placeholder(self, type_: AnyTensor, name: str) -> SSAValue:
        """A new argument of the function, under a unique name."""
        unique = self.names.unique(name)
        argument = self._body.insert_arg(type_, len(self._body.args), named(unique))
        if self.record_lines:
            note_calling_line(argument.location)
        argument.name_hint = valid_hint(unique)
        return argument

    def insert(self, op: Operation) -> None:
        """Puts an operation at the end of the block under construction, named, with the scopes' stamps."""
        block = self._block
        for operand in op.operands:
            if operand.owner.parent is not block:
                self._check_owner(op, operand)
        if is_unknown(op.location):
            op.location = named(self.names.unique(self.next_name or op.name.rpartition(".")[2]))
            self.next_name = None
        if self.record_lines:
            note_calling_line(op.location)
        for stamp in self.stamps:
            stamp(op)
        if self._closed:
            self.reopen()
        self._block.add_op(op)

    def reopen(self) -> None:
        """Erases the terminator again, if the function has one."""
        last = self._body.last_op
        if self._closed and last is not None:
            last.detach()
            last.erase()
        self._closed = False

    def insert_outside_loops(self, op: Operation, name: str) -> None:
        """Puts an operation without operands into the function itself, before a loop under construction."""
        op.location = named(name)
        outer: Operation | None = None
        block: Block | None = self._block
        while block is not None and block is not self._body:
            outer = block.parent_op()
            block = outer.parent if outer is not None else None
        if outer is None:
            self.insert(op)
        else:
            self._body.insert_op_before(op, outer)
            self.placed_before.append(op)

    @contextmanager
    def inside(self, block: Block) -> Generator[None]:
        """Inserts new operations at the end of `block`, in a region of this graph, within this block of code."""
        outer, self._block = self._block, block
        try:
            yield
        finally:
            self._block = outer

    @property
    def insertion_block(self) -> Block:
        """The block that new operations go to: the function's, or that of a loop under construction."""
        return self._block

    def _check_owner(self, op: Operation, operand: SSAValue) -> None:
        block = block_of(operand)
        if block is self._block or block is self._body:
            return
        if _graph_around(operand) not in (None, self):
            error = ValueError(
                f"{op.name}: tensor '{name_of_value(operand)}' belongs to another graph; "
                "build it in this graph, or pass its value through a placeholder or an argument"
            )
            raise note_place(error, operand)
        self.check_visible(operand, op.name)

    def check_visible(self, value: SSAValue, what: str) -> None:
        """Refuses a value of this graph that does not dominate where it grows now; see `visibility`."""
        check_visible(value, self._block, what)

    @contextmanager
    def unchanged_on_error(self) -> Generator[None]:
        """Rolls back if this block fails: erases whatever was added, and gives its names back."""
        self.reopen()
        block, last, arguments = self._block, self._block.last_op, len(self._body.args)
        placed, variables, requests = len(self.placed_before), len(self.variables), len(self.requests)
        with self.names.restored_on_error(), self.draws.restored_on_error():
            try:
                yield
            except BaseException:
                self._block = block
                erase_after(block, last, self.control_inputs)
                erase_from(self.placed_before, placed)
                forget_from(self.variables, variables)
                del self.requests[requests:]
                for argument in reversed(self._body.args[arguments:]):
                    self._body.erase_arg(argument)
                raise

    @contextmanager
    def tentatively(self) -> Generator[None]:
        """Rolls back at the end of this block in any case."""
        try:
            with self.unchanged_on_error():
                yield
                raise _TakeBackError
        except _TakeBackError:
            pass


def _graph_around(value: SSAValue | Operation) -> Graph | None:
    block = insertion_block_around(value)
    return block.graph if isinstance(block, GraphBlock) else None


def graph_of(value: SSAValue | Operation) -> Graph:
    """The graph that a value or an operation belongs to; `ValueError` if to none (it was erased)."""
    graph = _graph_around(value)
    if graph is None:
        what = f"operation '{value.name}'" if isinstance(value, Operation) else f"'{name_of_value(value)}'"
        raise ValueError(f"{what} belongs to no graph: it was erased, or made outside of `with Graph()`")
    return graph


def entered_graph() -> Graph | None:
    """The graph of the surrounding `with`, if there is one."""
    return _current.get(None)


def current_graph() -> Graph:
    """The graph of the surrounding `with`; `ValueError` outside of one."""
    graph = entered_graph()
    if graph is None:
        raise ValueError("no graph to add to: work inside `with pb.Graph() as g:`")
    return graph


def common_graph(values: Sequence[tuple[str, SSAValue | Operation]]) -> Graph | None:
    """The graph of all these labelled values; `None` for no values, `ValueError` for values of two graphs."""
    first: tuple[str, Graph] | None = None
    for label, value in values:
        graph = graph_of(value)
        if first is None:
            first = label, graph
        elif graph is not first[1]:
            raise ValueError(f"{label} must be from the same graph as {first[0]}")
    return first[1] if first is not None else None


def is_placeholder(value: SSAValue) -> bool:
    """Tells whether this value is an argument of its graph's function."""
    return isinstance(value, BlockArgument) and isinstance(value.owner, GraphBlock)
