"""Native code on CPUs: level `loops` to LLVM IR, compiled and run by llvmlite."""
