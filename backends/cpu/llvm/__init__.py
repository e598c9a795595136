"""Level `loops` printed as LLVM IR: one module for each group of operations, `printer.py` for the whole.

The bodies of functions that LLVM has not, such as `tanh` on vectors, are in `backends/cpu/math`; the spelling of types,
which both use, in `backends/cpu/llvm_types.py`.
"""
