"""A plug-in that brings one of everything that can be registered, as a package of others would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from xdsl.context import Context
from xdsl.dialects import math
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Data, Dialect, Operation, TypeAttribute
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.passes import ModulePass
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.universe import Universe
from xdsl.utils.target import Target as Format

from pullback.extend import (
    Array,
    GradientTerms,
    GraphOp,
    Kind,
    Lowering,
    NotYet,
    Order,
    Pipeline,
    Plugin,
    Properties,
    Tensor,
    Text,
    Unary,
    at_its_index,
    folds,
    graph_op,
    insert,
    target_named,
)
from pullback.extend.operations import Multiply


@graph_op
class Cube(Unary):
    """x * x * x."""

    name = "my.cube"
    NUMPY: ClassVar = staticmethod(lambda x: x * x * x)
    SCALAR: ClassVar = staticmethod(lambda x: x * x * x)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (3 * self.x * self.x),)


@graph_op
class GraphCube(Unary):
    """x * x * x, in the graph dialect."""

    name = "graph.cube"
    NUMPY: ClassVar = staticmethod(lambda x: x * x * x)
    SCALAR: ClassVar = staticmethod(lambda x: x * x * x)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (3 * self.x * self.x),)


@irdl_attr_definition
class Mark(Data[int]):
    """A number, as an attribute of the dialect."""

    name = "my.mark"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> int:
        with parser.in_angle_brackets():
            return parser.parse_integer()

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


@irdl_attr_definition
class Token(Data[str], TypeAttribute):
    """A type of the dialect."""

    name = "my.token"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> str:
        with parser.in_angle_brackets():
            return parser.parse_identifier()

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{self.data}>")


@graph_op
class Backwards(GraphOp):
    """The operand with its last axis in reverse order, on the host."""

    name = "my.backwards"
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    mark = opt_prop_def(Mark)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return [operands[0]]

    def numpy(self, *operands: Array) -> Any:
        return operands[0][..., ::-1]

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Backwards.of(dy),)


@irdl_op_definition
class Make(IRDLOperation):
    """An operation that is no graph operation."""

    name = "my.make"
    result = result_def(Token)
    assembly_format = "attr-dict `:` type($result)"


@dataclass(frozen=True)
class NoCubes(ModulePass):
    """Replaces cubes by products."""

    name = "no-cubes"

    only: str | None = None
    """The name of the operation to replace."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for cube in list(op.walk()):
            if isinstance(cube, Cube | GraphCube) and self.only in (None, cube.name):
                types, (x,) = cube.result_types, cube.operands
                square = Multiply.create(operands=[x, x], result_types=types)
                product = Multiply.create(
                    operands=[square.results[0], x], result_types=types, location=cube.location
                )
                assert cube.parent is not None
                cube.parent.insert_ops_before([square, product], cube)
                cube.results[0].replace_all_uses_with(product.results[0])
                cube.detach()
                cube.erase()


@folds(Backwards)
def backwards_twice(op: Backwards) -> Tensor | None:
    """Backwards of backwards is the operand."""
    inner = op.operand.owner
    return Tensor(inner.operands[0]) if isinstance(inner, Backwards) else None


def cosine(op: math.CosOp, dy: Tensor) -> Tensor:
    """The rule of `math.cos`."""
    sine = math.SinOp(op.operand)
    insert(sine)
    return -dy * Tensor(sine.result)


def lower_one_by_one(kernel: Any) -> None:
    """A loop for each dim of P, around one point."""

    def point(*indices: Any) -> list[Any]:
        level = kernel.root.inside(
            kernel.builder.insertion_point, dict(zip(kernel.space.outer, indices, strict=True))
        )
        level.store_outputs(kernel.outputs, kernel.results)
        return []

    with kernel.builder.entering(kernel.builder.block):
        extents = [kernel.space.extents[dim] for dim in kernel.space.outer]
        kernel.builder.parallel([(0, n, 1) for n in extents], [f"i{n}" for n in range(len(extents))], point)


ONE_BY_ONE = Kind(
    "one_by_one",
    Order.PARALLEL_FIRST,
    at_its_index,
    {"cpu": Lowering(lower_one_by_one), "gpu": NotYet("pointwise does it")},
    meaning="each point of P by itself, one after the other",
)

TARGET = replace(
    target_named("numpy"),
    name="oracle",
    meaning="the evaluator by another name",
    passes="verify-level{level=graph}",
    texts=(Text("size", "graph", lambda module: f"{len(list(module.walk()))}\n", "size", "How many."),),
)

PLUGIN = Plugin(
    name="cubes",
    meaning="One of everything.",
    dialects=(Dialect("my", [Cube, Backwards, Make], [Mark, Token]),),
    operations=(GraphCube,),
    rules={math.CosOp: cosine, "Straight": lambda op, dy: dy},
    passes=(NoCubes,),
    pipelines={"cubeless": Pipeline("a graph without cubes", "no-cubes,simplify")},
    kinds=(ONE_BY_ONE,),
    targets=(TARGET,),
)


@irdl_op_definition
class Other(IRDLOperation):
    """An operation of a dialect that xDSL knows how to find."""

    name = "other.op"


@dataclass(frozen=True)
class OtherPass(ModulePass):
    """A pass that xDSL knows how to find."""

    name = "other-pass"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for other in [o for o in op.walk() if isinstance(o, Other)]:
            other.detach()
            other.erase()


@dataclass(frozen=True)
class Names(Format):
    """The names of the operations."""

    name = "names"

    def emit(self, ctx: Context, module: ModuleOp, output: Any) -> None:
        output.write(" ".join(sorted({o.name for o in module.walk()})) + "\n")


def other_dialect() -> Dialect:
    """A dialect by a factory, as universes have it."""
    return Dialect("other", list[type[Operation]]([Other]))


UNIVERSE = Universe(
    all_dialects={"other": other_dialect},
    all_passes={"other-pass": lambda: OtherPass},
    all_targets={"names": lambda: Names},
)
