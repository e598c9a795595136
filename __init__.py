"""Pullback: a multi-level gradient compiler. `import pullback as pb`, and build inside `with pb.Graph():`."""

from __future__ import annotations

from pullback.dialects.graph.value import Tensor
from pullback.frontend.arguments import AggregationMethod, UnconnectedGradients
from pullback.frontend.functions.control_flow import while_loop
from pullback.frontend.functions.creation import (
    constant,
    fill,
    full,
    full_like,
    ones,
    ones_like,
    placeholder,
    zeros,
    zeros_like,
)
from pullback.frontend.functions.elementwise import (
    add,
    astype,
    cast,
    divide,
    exp,
    greater,
    identity,
    less,
    log,
    maximum,
    multiply,
    negative,
    stop_gradient,
    subtract,
    tanh,
    where,
)
from pullback.frontend.functions.indexing import gather, take
from pullback.frontend.functions.linalg import matmul
from pullback.frontend.functions.reductions import max, mean, sum
from pullback.frontend.functions.shapes import (
    broadcast_to,
    concat,
    expand_dims,
    permute_dims,
    reshape,
    shape,
    shape_of,
    size,
    split,
    stack,
    transpose,
)
from pullback.frontend.gradients import gradients
from pullback.frontend.graph import Graph
from pullback.frontend.handles import IndexedSlices, Operation
from pullback.frontend.needs import group
from pullback.frontend.needs import tuple_of as tuple
from pullback.frontend.registry import NoGradient, NotDifferentiable, RegisterGradient, gradient_of
from pullback.frontend.run import run
from pullback.frontend.scopes import control_dependencies, device, name_scope
from pullback.frontend.step import Step, compile
from pullback.frontend.variables import Variable

__all__ = [
    "AggregationMethod",
    "Graph",
    "IndexedSlices",
    "NoGradient",
    "NotDifferentiable",
    "Operation",
    "RegisterGradient",
    "Step",
    "Tensor",
    "UnconnectedGradients",
    "Variable",
    "add",
    "astype",
    "broadcast_to",
    "cast",
    "compile",
    "concat",
    "constant",
    "control_dependencies",
    "device",
    "divide",
    "exp",
    "expand_dims",
    "fill",
    "full",
    "full_like",
    "gather",
    "gradient_of",
    "gradients",
    "greater",
    "group",
    "identity",
    "less",
    "log",
    "matmul",
    "max",
    "maximum",
    "mean",
    "multiply",
    "name_scope",
    "negative",
    "ones",
    "ones_like",
    "permute_dims",
    "placeholder",
    "reshape",
    "run",
    "shape",
    "shape_of",
    "size",
    "split",
    "stack",
    "stop_gradient",
    "subtract",
    "sum",
    "take",
    "tanh",
    "transpose",
    "tuple",
    "where",
    "while_loop",
    "zeros",
    "zeros_like",
]
