"""Prints a module of level `gpu` as one CUDA C++ program without headers, for NVRTC and for people."""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation
from xdsl.traits import SymbolOpInterface

from pullback.backends.cuda.c_types import c_type, elements
from pullback.backends.cuda.expressions import HELPERS
from pullback.backends.cuda.kernels import KernelPrinter
from pullback.dialects.ir.diagnostics import UnsupportedError, about
from pullback.dialects.upstream.gpu import is_shared


def cuda_source(module: ModuleOp) -> str:
    """The kernels of every `gpu.module`, each under its own name, as `extern "C"` functions.

    Raises UnsupportedError for an op or a type that has no CUDA text, and for a module that was not lowered for GPUs.
    """
    device = [op for op in module.ops if op.name == "gpu.module"]
    if not device and module.body.block.first_op is not None:
        raise UnsupportedError(
            "the module has no gpu.module, so no kernels: lower it by -p gpu", module.body.block.first_op
        )
    parts = [text for gpu_module in device for text in _device_parts(gpu_module)]
    text = "\n".join(parts)
    helpers = [
        f"template <typename T> __device__ __forceinline__ T {name}(T a, T b) {body}\n"
        for name, body in HELPERS.items()
        if f"{name}(" in text
    ]
    return "\n".join(["".join(helpers), text]) if helpers else text


def _device_parts(gpu_module: Operation) -> list[str]:
    ops = list(gpu_module.regions[0].block.ops)
    globals_ = {_name(op): op for op in ops if op.name == "memref.global"}
    parts = [_constant_global(op) for op in globals_.values() if not is_shared(op.properties["type"])]
    for op in ops:
        if op.name == "gpu.func":
            with about(op):
                parts.append(KernelPrinter(op, globals_).text(_name(op)))
        elif op.name != "memref.global":
            raise UnsupportedError(f"{op.name} has no CUDA text", op)
    return parts


def _constant_global(op: Operation) -> str:
    type_ = op.properties["type"]
    assert isinstance(type_, MemRefType)
    with about(op):
        values = elements(op.properties.get("initial_value"), type_)
    return f"__device__ const {c_type(type_)} {_name(op)}[{len(values)}] = {{{', '.join(values)}}};\n"


def _name(op: Operation) -> str:
    trait = op.get_trait(SymbolOpInterface)
    symbol = None if trait is None else trait.get_sym_attr_name(op)
    assert symbol is not None
    return symbol.data
