"""Native code for CPUs: level `loops` as LLVM IR (`llvm`, `math`), compiled and called by `runtime.py`.

`entry_arguments.py` checks the arrays of a call; `host_functions.py` has what native code calls back in Python.
"""
