"""Native code on CPUs: level 4c to LLVM IR, compiled and run by llvmlite."""
