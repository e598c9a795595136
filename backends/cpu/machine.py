"""Properties of this machine, as LLVM reports them."""

from __future__ import annotations

import platform
from functools import cache

import llvmlite
import llvmlite.binding as llvm

ONE_FMA_PER_CYCLE = frozenset(
    {
        *("znver4", "cannonlake", "icelake-client", "tigerlake", "rocketlake"),
        *("znver1", "bdver2", "bdver3", "bdver4", "gracemont", "sierraforest", "grandridge"),
    }
)
"""Processors, by LLVM's names, that begin one FMA of the vectors that we use in a cycle; others begin two.

Zen 4 takes both units of 256 bits for one of 512 (`WriteFMAZ` of LLVM's X86ScheduleZnver4.td). Intel's clients with
AVX-512 have no second one on port 5 (Optimization Reference Manual; LLVM has the model of servers for them). Zen 1, the
Bulldozers, and the efficient cores from Gracemont on have two units of 128 bits for those of 256 (AMD's Software
Optimization Guides; Intel's manual).
"""


@cache
def host_vector_bits() -> int:
    """The width of this machine's vector registers, as far as we use them: 512 with AVX-512, else 256."""
    return 512 if has_feature("avx512f") else 256


@cache
def host_fmas_per_cycle() -> int:
    """How many FMAs of vectors of `host_vector_bits` this machine's processor begins in a cycle, by its name."""
    return 1 if llvm.get_host_cpu_name() in ONE_FMA_PER_CYCLE else 2


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
