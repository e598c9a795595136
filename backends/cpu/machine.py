"""Properties of this machine, as LLVM reports them."""

from __future__ import annotations

import platform
from functools import cache

import llvmlite
import llvmlite.binding as llvm


@cache
def host_vector_bits() -> int:
    """The width of this machine's vector registers, as far as we use them: 512 with AVX-512, else 256."""
    return 512 if has_feature("avx512f") else 256


@cache
def has_feature(name: str) -> bool:
    """Whether this machine has a feature of processors, by LLVM's name of it, such as "avx512f"."""
    return bool(llvm.get_host_cpu_features().get(name))


@cache
def machine_key() -> tuple[str, ...]:
    """What machine code depends on beside the text that it is made of: who makes it, and for which processor."""
    return (
        llvmlite.__version__,
        ".".join(map(str, llvm.llvm_version_info)),
        platform.system(),
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    )


@cache
def target_machine() -> llvm.TargetMachine:
    """LLVM's description of this machine: its CPU with every feature that it has."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="default",
        jit=True,
    )
