"""Programs of level `gpu` built by the emitters, each with its NumPy reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp, UnitAttr, f32, f64, i1, i32
from xdsl.ir import Attribute

from pullback.dialects.graph.op import scalar_functions
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.gpu import ModuleOp as GpuModuleOp
from pullback.passes.gpu.gpu_kernel import KERNELS, GpuKernel
from pullback.passes.gpu.kernel_builder import Parameter
from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.lines.line import Line, LineBody
from pullback.passes.gpu.lines.line_kernel import line_kernel
from pullback.passes.gpu.lines.line_work import Work
from pullback.passes.gpu.lines.row_mapping import RowMapping
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.gpu.point_kernels import kernel_of_points
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.lowered_kernels import Code
from pullback.passes.lowering.nodes import Load
from pullback.passes.pipeline.verify_level import verify_level


@dataclass
class Program:
    """A module whose `main` takes `buffers`; the last ones are outputs, which should become `expected`."""

    module: ModuleOp
    buffers: list[np.ndarray]
    expected: list[np.ndarray]

    @property
    def outputs(self) -> list[np.ndarray]:
        return self.buffers[len(self.buffers) - len(self.expected) :]

    @property
    def undefined(self) -> range:
        """The positions of the outputs."""
        return range(len(self.buffers) - len(self.expected), len(self.buffers))


def program(kernel: GpuKernel, inputs: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> Program:
    """A host function that launches one kernel on its own arguments."""
    types = [argument.type for argument in kernel.function.body.block.args]
    element_types = [type_.element_type for type_ in types if isinstance(type_, MemRefType)]
    shapes = [array.shape for array in (*inputs, *expected)]
    module = launching([kernel], [*map(MemRefType, element_types, shapes)])
    outputs = [np.empty(e.shape, e.dtype) for e in expected]
    return Program(module, [*map(np.copy, inputs), *outputs], list(expected))


def launching(kernels: Sequence[Code], types: Sequence[Attribute]) -> ModuleOp:
    """A host function of arguments of these types, on which it launches kernels one after the other."""
    host = FunctionBuilder("main", types, private=False)
    with host.entering(host.block):
        for kernel in kernels:
            kernel.call(host.block.args, host)
    device = GpuModuleOp(KERNELS, [op for kernel in kernels for op in kernel.operations])
    module = ModuleOp([device, host.finish()], {"gpu.container_module": UnitAttr()})
    verify_level(module, "gpu")
    return module


def buffers_for(**arrays: np.ndarray) -> list[Parameter]:
    types: dict[str, Attribute] = {"float32": f32, "float64": f64, "int32": i32, "bool": i1}
    return [Parameter(types[array.dtype.name], array.size, name) for name, array in arrays.items()]


def tanh_chain(shape: tuple[int, ...] = (7, 300)) -> Program:
    """y = tanh(x) * (1 - x * x) + bias, and whether y > 0: two outputs, one operand that broadcasts."""
    generator = np.random.default_rng(0)
    x, bias = generator.standard_normal(shape, np.float32), generator.standard_normal(shape[1:], np.float32)
    y = np.tanh(x) * (1 - x * x) + bias
    strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    whole, row = Affine(strides), Affine((0, *strides[1:]))

    def body(point: Point) -> None:
        x, b = point.load(point.inputs[0], whole), point.load(point.inputs[1], row)
        y = scalar_functions.tanh(x) * (1 - x * x) + b
        point.store(point.inputs[2], whole, y)
        point.store(point.inputs[3], whole, y > 0)

    kernel = kernel_of_points("tanh_chain", buffers_for(x=x, bias=bias, y=y, positive=y > 0), shape, body)
    return program(kernel, [x, bias], [y, y > 0])


def transpose(shape: tuple[int, int, int] = (4, 5, 6)) -> Program:
    """y[k, i, j] = -x[i, j, k]."""
    x = np.random.default_rng(1).standard_normal(shape)
    y = -x.transpose(2, 0, 1)
    _, j, k = shape

    def body(point: Point) -> None:
        point.store(
            point.inputs[1], Affine((shape[0] * j, j, 1)), -point.load(point.inputs[0], Affine((1, j * k, k)))
        )

    kernel = kernel_of_points("transpose", buffers_for(x=x, y=y), y.shape, body)
    return program(kernel, [x], [y])


def gather(rows: int = 40, columns: int = 12) -> Program:
    """y[i, j] = x[t[i], j], and 0 where there is no such row."""
    generator = np.random.default_rng(2)
    x, t = generator.standard_normal((9, columns), np.float32), generator.integers(-2, 11, rows, np.int32)
    y = np.where(((t >= 0) & (t < 9))[:, None], x[np.clip(t, 0, 8)], np.float32(0))

    def body(point: Point) -> None:
        row = Load(i32, argument=1, offset=Affine((1, 0)))
        picked = Load(f32, (row,), argument=0, offset=Affine((0, 1)), rows=9, row_stride=columns)
        (value,) = point.values([picked])
        point.store(point.inputs[2], Affine((columns, 1)), value)

    kernel = kernel_of_points("gather", buffers_for(x=x, t=t, y=y), (rows, columns), body)
    return program(kernel, [x, t], [y])


def row_reduction(
    name: str, buffers: Sequence[Parameter], rows: Dims, reduced: Dims, body: LineBody
) -> GpuKernel:
    """A kernel that runs `body` for each row, as many threads on each as by default."""
    mapping = RowMapping.default(rows.size, reduced.size)
    return line_kernel(name, mapping, buffers, rows, reduced, Work(body, types=frozenset({f32, f64, i32})))


def add(a: Scalar, b: Scalar) -> Scalar:
    return a + b


def softmax(rows: int = 6, columns: int = 1000) -> Program:
    """y = exp(x - max) / sum along the rows, and the logarithm of each sum."""
    a = np.random.default_rng(3).standard_normal((rows, columns), np.float32)
    e = np.exp(a - a.max(axis=1, keepdims=True, initial=-np.inf))
    total = e.sum(axis=1, keepdims=True)
    whole, one = Affine((columns, 1)), Affine((1, 0))

    def body(row: Line) -> None:
        x, y, log_total = row.point.inputs
        (largest,) = row.reduce(
            [Combination(f32, scalar_functions.maximum, -np.inf)],
            lambda point: [point.load(x, whole)],
        )
        (total,) = row.reduce(
            [Combination(f32, add, 0.0)],
            lambda point: [scalar_functions.exp(point.load(x, whole) - largest)],
        )
        row.each(
            lambda point: point.store(
                y,
                whole,
                scalar_functions.exp(point.load(x, whole) - largest) / total,
            )
        )
        row.lead(lambda point: point.store(log_total, one, scalar_functions.log(total)))

    buffers = buffers_for(x=a, y=e, log_total=total)
    kernel = row_reduction("softmax", buffers, Dims(0, (rows,)), Dims(1, (columns,)), body)
    return program(kernel, [a], [e / total, np.log(total)])


def moments(shape: tuple[int, int, int] = (3, 4, 130)) -> Program:
    """The sum, the sum of squares and the largest index of each matrix, in f64 and i32: one pass."""
    x = np.random.default_rng(4).standard_normal(shape)
    n = np.arange(x.size, dtype=np.int32).reshape(shape)
    whole, one = Affine((shape[1] * shape[2], shape[2], 1)), Affine((1, 0, 0))

    def body(row: Line) -> None:
        terms = [
            Combination(f64, add, 0.0),
            Combination(f64, add, 0.0),
            Combination(i32, scalar_functions.maximum, -(2**31)),
        ]

        def values(point: Point) -> list[Scalar]:
            x = point.load(point.inputs[0], whole)
            return [x, x * x, point.load(point.inputs[1], whole)]

        totals = row.reduce(terms, values)

        def store(point: Point) -> None:
            for number, value in enumerate(totals):
                point.store(point.inputs[2 + number], one, value)

        row.lead(store)

    expected = [x.sum((1, 2)), (x * x).sum((1, 2)), n.max((1, 2))]
    names = ("x", "n", "sum", "squares", "largest")
    buffers = buffers_for(**dict(zip(names, (x, n, *expected), strict=True)))
    kernel = row_reduction("moments", buffers, Dims(0, shape[:1]), Dims(1, shape[1:]), body)
    return program(kernel, [x, n], expected)


def strided_sums(shape: tuple[int, int, int] = (3, 4, 50)) -> Program:
    """y[j, i] and z[j, i], the sum of x[i, j] and its negative: rows of two dims, stored transposed."""
    x = np.random.default_rng(5).standard_normal(shape, np.float32)
    whole, turned = Affine((shape[1] * shape[2], shape[2], 1)), Affine((1, shape[0], 0))

    def body(row: Line) -> None:
        (total,) = row.reduce(
            [Combination(f32, add, 0.0)], lambda point: [point.load(point.inputs[0], whole)]
        )
        for buffer, value in ((1, total), (2, -total)):
            row.lead(
                lambda point, buffer=buffer, value=value: point.store(point.inputs[buffer], turned, value)
            )

    y = x.sum(axis=2).T.copy()
    kernel = row_reduction(
        "strided_sums", buffers_for(x=x, y=y, z=y), Dims(0, shape[:2]), Dims(2, shape[2:]), body
    )
    return program(kernel, [x], [y, -y])
