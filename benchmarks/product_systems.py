"""Matrix products in native code of ours, a loop of FMAs, and the products of OpenBLAS, PyTorch and XLA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Run = Callable[[], object]
DTYPES = {"f32": np.float32, "f64": np.float64}


@dataclass
class Product:
    """One product, and the seconds that each system took in each round."""

    kind: str
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    transposes: str
    dtype: str
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    object_bytes: int = 0

    @property
    def name(self) -> str:
        batch = "".join(f"{n} x " for n in self.batch)
        return f"{batch}{self.m}x{self.n}x{self.k} {self.transposes} {self.dtype}"

    @property
    def operations(self) -> float:
        return 2.0 * np.prod(self.batch) * self.m * self.n * self.k

    def best(self, system: str) -> float:
        return min(self.seconds[system])

    def arrays(self) -> tuple[Array, Array, Array]:
        generator = np.random.default_rng(0)
        a = (self.k, self.m) if self.transposes[0] == "t" else (self.m, self.k)
        b = (self.n, self.k) if self.transposes[1] == "t" else (self.k, self.n)
        made = (generator.uniform(-1, 1, (*self.batch, *shape)) for shape in (a, b))
        x, y = (array.astype(DTYPES[self.dtype]) for array in made)
        return x, y, np.zeros((*self.batch, self.m, self.n), x.dtype)

    def views(self, arrays: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        """The operands as NumPy multiplies them."""
        x, y, _ = arrays
        turned = (
            np.swapaxes(v, -1, -2) if t == "t" else v for v, t in zip((x, y), self.transposes, strict=True)
        )
        a, b = turned
        return a, b


# ---- ours -----------------------------------------------------------------------------------------------------


def native_loop(product: Product, arrays: tuple[Array, Array, Array], calls: int) -> Run:
    """The kernel of a product, called so many times by native code."""
    from xdsl.dialects import arith, func, scf
    from xdsl.dialects.builtin import MemRefType, ModuleOp
    from xdsl.ir import Block, Region

    from pullback.backends.cpu.emit_objects import emit_objects
    from pullback.backends.cpu.llvm.printer import print_llvm
    from pullback.backends.cpu.machine import host_fmas_per_cycle, host_vector_bits
    from pullback.backends.cpu.runtime import compile_module
    from pullback.dialects.context import context
    from pullback.dialects.ir.source import parse
    from pullback.driver.run_pipeline import run_pipeline
    from pullback.passes.lowering.code_builder import INDEX

    x, y, out = arrays
    options = "".join(
        f" transpose_{side}" for side, t in zip("ab", product.transposes, strict=True) if t == "t"
    )
    options = f" {{{', '.join(options.split())}}}" if options else ""
    a, b, c = ("x".join(map(str, (*array.shape, product.dtype))) for array in arrays)
    text = f"""
      func.func @main(%a: tensor<{a}>, %b: tensor<{b}>) -> tensor<{c}> {{
        %y = graph.matmul %a, %b{options} : (tensor<{a}>, tensor<{b}>) -> tensor<{c}>
        func.return %y : tensor<{c}>
      }}"""
    module = parse(context(), text).module
    vectors = f"{{vector-bits={host_vector_bits()} fmas-per-cycle={host_fmas_per_cycle()}}}"
    run_pipeline(module, f"finish,form-kernels{vectors},plan-memory,lower-to-loops{vectors}")
    product.object_bytes = sum(map(len, emit_objects([print_llvm(module)])))
    (main,) = (op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
    types = list(main.function_type.inputs)
    block = Block(arg_types=types)
    first, end, step = (arith.ConstantOp.from_int_and_width(n, INDEX) for n in (0, calls, 1))
    body = Block([func.CallOp("main", list(block.args), []), scf.YieldOp()], arg_types=[INDEX])
    loop = scf.ForOp(first, end, step, [], body)
    block.add_ops([first, end, step, loop, func.ReturnOp()])
    module.body.block.add_op(func.FuncOp("repeat", (types, []), Region(block)))
    executable = compile_module(ModuleOp([op.clone() for op in module.ops]), "repeat")
    shapes = [t.get_shape() for t in types if isinstance(t, MemRefType)]
    scratch = [np.zeros(shape, np.uint8) for shape in shapes[3:]]
    call = executable.bind(dict(enumerate((x, y, out, *scratch))))
    return call


def fma_loop(dtype: str, calls: int) -> tuple[Run, float]:
    """A loop of FMAs on registers, and how many operations it has."""
    import ctypes

    from pullback.backends.cpu.emit_objects import emit_objects
    from pullback.backends.cpu.machine import host_vector_bits
    from pullback.backends.cpu.runtime import link

    kind, size = {"f32": ("float", 32), "f64": ("double", 64)}[dtype]
    count, chains = host_vector_bits() // size, 12
    vector = f"<{count} x {kind}>"
    suffix = f"v{count}f{size}"
    numbers = range(chains)
    body = [
        'define void @peak(ptr %out) nounwind "prefer-vector-width"="512" {\nentry:\n  br label %l\nl:',
        "  %i = phi i64 [ 0, %entry ], [ %j, %l ]",
        *(f"  %x{n} = phi {vector} [ zeroinitializer, %entry ], [ %y{n}, %l ]" for n in numbers),
        *(
            f"  %y{n} = call {vector} @llvm.fma.{suffix}({vector} %x{n}, {vector} splat ({kind} 1.5), "
            f"{vector} splat ({kind} 0.25))"
            for n in numbers
        ),
        f"  %j = add i64 %i, 1\n  %d = icmp eq i64 %j, {calls}\n  br i1 %d, label %x, label %l\nx:",
        *(
            f"  %p{n} = getelementptr {vector}, ptr %out, i64 {n}\n  store {vector} %y{n}, ptr %p{n}, align 4"
            for n in numbers
        ),
        f"  ret void\n}}\ndeclare {vector} @llvm.fma.{suffix}({vector}, {vector}, {vector})",
    ]
    code = link(emit_objects(["\n".join(body)]), ["peak"])
    out = np.zeros(chains * 16, np.float64)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code["peak"])

    def run(keep: object = code) -> None:
        function(out.ctypes.data)

    return run, 2.0 * count * chains * calls


# ---- peers ----------------------------------------------------------------------------------------------------


def numpy_product(product: Product, arrays: tuple[Array, Array, Array]) -> Run:
    a, b = product.views(arrays)
    out = arrays[2]
    return lambda: np.matmul(a, b, out=out)


def torch_product(product: Product, arrays: tuple[Array, Array, Array]) -> Run:
    import torch

    torch.set_num_threads(1)
    x, y, out = map(torch.from_numpy, arrays)
    a, b = (v.mT if t == "t" else v for v, t in zip((x, y), product.transposes, strict=True))
    multiply = torch.bmm if product.batch else torch.mm
    return lambda: multiply(a, b, out=out)


def xla_product(product: Product, arrays: tuple[Array, Array, Array]) -> Run:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    x, y = map(jnp.asarray, arrays[:2])

    def multiply(x: Any, y: Any) -> Any:
        a, b = (
            jnp.swapaxes(v, -1, -2) if t == "t" else v
            for v, t in zip((x, y), product.transposes, strict=True)
        )
        return a @ b

    compiled: Any = jax.jit(multiply).lower(x, y).compile()
    return lambda: compiled(x, y).block_until_ready()


PEERS: dict[str, Callable[[Product, tuple[Array, Array, Array]], Run]] = {
    "OpenBLAS": numpy_product,
    "PyTorch": torch_product,
    "XLA": xla_product,
}
