"""Prints a module of level `gpu` as one CUDA C++ program without headers, for NVRTC and for people."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation
from xdsl.traits import SymbolOpInterface

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.functions import definitions
from pullback.backends.cuda.identifiers import Identifiers, global_name
from pullback.backends.cuda.kernels import KernelPrinter
from pullback.backends.cuda.literals import elements
from pullback.dialects.ir.diagnostics import UnsupportedError, about
from pullback.dialects.upstream.gpu import is_shared


def cuda_source(module: ModuleOp) -> str:
    """The kernels of every `gpu.module` as `extern "C"` functions, under the names of `kernel_names`.

    Raises UnsupportedError for an op or a type that has no CUDA text, and for a module that was not lowered for GPUs.
    """
    device = gpu_modules(module)
    if not device and module.body.block.first_op is not None:
        raise UnsupportedError(
            "the module has no gpu.module, so no kernels: lower it by -p gpu", module.body.block.first_op
        )
    text = "\n".join(part.text for part in parts(module))
    before = definitions(text)
    return f"{before}\n{text}" if before else text


def kernel_names(module: ModuleOp) -> dict[Operation, str]:
    """The names of the functions of the text, by the `gpu.func`s that they are."""
    return {op: name for op, name in _global_names(module).items() if op.name == "gpu.func"}


@dataclass(frozen=True)
class DeviceDefinition:
    """The definition of a kernel, or of a constant that kernels read."""

    name: str
    text: str
    is_kernel: bool = False


def parts(module: ModuleOp) -> list[DeviceDefinition]:
    """The definitions of the text, of which each `gpu.module` has its own; helpers are not among them."""
    names = _global_names(module)
    return [part for gpu_module in gpu_modules(module) for part in _device_parts(gpu_module, names)]


def gpu_modules(module: ModuleOp) -> list[Operation]:
    """The modules of kernels."""
    return [op for op in module.ops if op.name == "gpu.module"]


def _ops(gpu_module: Operation) -> list[Operation]:
    return list(gpu_module.regions[0].block.ops)


def _global_names(module: ModuleOp) -> dict[Operation, str]:
    """What the whole text sees: kernels, and memory of constants."""
    found, names = dict[Operation, str](), Identifiers()
    for op in (op for gpu_module in gpu_modules(module) for op in _ops(gpu_module)):
        if op.name == "gpu.func":
            found[op] = global_name(_symbol_of(op), "kernel", names)
        elif op.name == "memref.global" and not is_shared(op.properties["type"]):
            found[op] = global_name(_symbol_of(op), "constant", names)
    return found


def _device_parts(gpu_module: Operation, names: dict[Operation, str]) -> list[DeviceDefinition]:
    ops = _ops(gpu_module)
    globals_ = {_symbol_of(op): op for op in ops if op.name == "memref.global"}
    constants = {symbol: names[op] for symbol, op in globals_.items() if op in names}
    made = [DeviceDefinition(names[op], _constant(op, names[op])) for op in globals_.values() if op in names]
    for op in ops:
        if op.name == "gpu.func":
            with about(op):
                text = KernelPrinter(op, globals_, constants).text(names[op])
            made.append(DeviceDefinition(names[op], text, is_kernel=True))
        elif op.name != "memref.global":
            raise UnsupportedError(f"{op.name} has no CUDA text", op)
    return made


def _constant(op: Operation, name: str) -> str:
    type_ = op.properties["type"]
    assert isinstance(type_, MemRefType)
    with about(op):
        types = CTypes()
        values = elements(op.properties.get("initial_value"), type_, types)
    return f"alignas(16) __device__ const {types.element(type_)} {name}[{len(values)}] = {{{', '.join(values)}}};\n"


def _symbol_of(op: Operation) -> str:
    trait = op.get_trait(SymbolOpInterface)
    symbol = None if trait is None else trait.get_sym_attr_name(op)
    assert symbol is not None
    return symbol.data
