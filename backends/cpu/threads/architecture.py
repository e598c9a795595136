"""What the pool's LLVM IR says differently on each kind of machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """The floating-point mode of a thread, and a pause while it waits, in LLVM IR."""

    declarations: str
    read_mode: str
    """Stores the mode (rounding, subnormals) of the current thread at `@pb.mode`."""
    write_mode: str
    """Sets it from there."""
    pause: str


X86 = Architecture(
    declarations="""
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare void @llvm.x86.sse2.pause()""",
    read_mode="call void @llvm.x86.sse.stmxcsr(ptr @pb.mode)",
    write_mode="call void @llvm.x86.sse.ldmxcsr(ptr @pb.mode)",
    pause="call void @llvm.x86.sse2.pause()",
)
AARCH64 = Architecture(
    declarations="""
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
declare void @llvm.aarch64.isb(i32)""",
    read_mode="%mode = call i64 @llvm.aarch64.get.fpcr()\n  store i64 %mode, ptr @pb.mode, align 8",
    write_mode="%mode = load i64, ptr @pb.mode, align 8\n  call void @llvm.aarch64.set.fpcr(i64 %mode)",
    pause="call void @llvm.aarch64.isb(i32 15)",  # longer than `yield`, which does nothing on most
)
ARCHITECTURES = {"x86_64": X86, "amd64": X86, "aarch64": AARCH64, "arm64": AARCH64}
"""By the first part of LLVM's triple."""
