"""Functions of mathematics as LLVM IR on vectors, each to a few units in the last place, with its source cited.

`library.py` finds the function for an operation and a type. What LLVM has as an instruction or an intrinsic needs none.
"""
