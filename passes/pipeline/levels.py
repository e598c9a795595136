"""The levels of the compiler as data: which ops and types may occur at each, and at which of them shapes are static."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from xdsl.dialects import builtin
from xdsl.dialects.builtin import MemRefType
from xdsl.dialects.func import CallOp
from xdsl.ir import Attribute, Operation

from pullback.dialects.graph.op.graph_op import GraphOp

LevelName = Literal["request", "gradients", "graph", "kernels", "loops", "gpu"]


@dataclass(frozen=True, repr=False)
class Level:
    """A level: the operations and types that may occur in its modules.

    `ops` and `without` are op names, where `*` matches any characters; an op must match one of `ops` and
    none of `without`. `types` are the type classes of operands, results and block arguments.
    """

    meaning: str
    ops: tuple[str, ...]
    types: tuple[type[Attribute], ...]
    without: tuple[str, ...] = ()
    static_shapes: bool = False

    def allows(self, op: Operation) -> bool:
        """Tells whether an op may occur at this level: by its name, or as a foreign graph operation with a meaning."""
        is_allowed = _matches(op.name, self.ops) or ("graph.*" in self.ops and has_meaning(type(op)))
        return is_allowed and not _matches(op.name, self.without)

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"{self.meaning}{'; all shapes are static' if self.static_shapes else ''}",
                f"  operations: {' '.join(self.ops)}",
                *([f"  but not: {' '.join(self.without)}"] if self.without else []),
                f"  types: {' '.join(dict.fromkeys(type_.name for type_ in self.types))}",
            ]
        )


_FLOATS = (builtin.BFloat16Type, builtin.Float16Type, builtin.Float32Type, builtin.Float64Type)
_SCALARS = (*_FLOATS, builtin.IntegerType, builtin.IndexType)
_FUNCTIONS = ("builtin.module", "func.func", "func.return")
_GRADIENT_REQUEST = ("graph.gradients",)
_GRADIENT_MARKERS = (
    "graph.sum_gradients",
    "graph.backward",
    "graph.gradient_results",
    "graph.custom_gradient",
)
_REGISTER_OPS = ("arith.*", "math.*", "vector.*", "scf.*", "memref.*")

LEVELS: dict[LevelName, Level] = {
    "request": Level(
        "graph with calls and requests for gradients",
        ops=(*_FUNCTIONS, CallOp.name, "graph.*"),
        without=("graph.kernel*",),
        types=(builtin.TensorType, *_SCALARS),
    ),
    "gradients": Level(
        "graph with gradients, their sums and groups still marked",
        ops=(*_FUNCTIONS, "graph.*"),
        without=(*_GRADIENT_REQUEST, "graph.kernel*"),
        types=(builtin.TensorType, *_SCALARS),
    ),
    "graph": Level(
        "finished graph",
        ops=(*_FUNCTIONS, "graph.*"),
        without=(*_GRADIENT_REQUEST, *_GRADIENT_MARKERS, "graph.kernel*"),
        types=(builtin.TensorType, *_SCALARS),
    ),
    "kernels": Level(
        "scheduled graph: kernel regions, devices, a memory plan",
        ops=(*_FUNCTIONS, "graph.*"),
        without=(*_GRADIENT_REQUEST, *_GRADIENT_MARKERS),
        types=(builtin.TensorType, *_SCALARS),
        static_shapes=True,
    ),
    "loops": Level(
        "CPU loops over memory",
        ops=(*_FUNCTIONS, CallOp.name, *_REGISTER_OPS),
        types=(MemRefType, builtin.VectorType, *_SCALARS),
        static_shapes=True,
    ),
    "gpu": Level(
        "GPU kernels and the host function that launches them",
        ops=(*_FUNCTIONS, CallOp.name, *_REGISTER_OPS, "gpu.*"),
        types=(MemRefType, builtin.VectorType, *_SCALARS),
        static_shapes=True,
    ),
}


def has_meaning(cls: type[Operation]) -> bool:
    """Tells whether operations of this class are graph operations, of any dialect, that run on NumPy arrays."""
    return issubclass(cls, GraphOp) and cls.has_meaning()


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
