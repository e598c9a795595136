"""Operations of the graph: the base class `GraphOp`, op families and interfaces, and shared verification.

`indexed.py` has the families whose operations kernels compute, `access.py` the access maps that they state. Bodies for
one element are written with `scalar.py` and `scalar_functions.py`; `oracles.py` helps to state NumPy meanings.
An operation itself belongs in the folder of its subject; a family that only one subject
needs is with that subject, as `along_axes/axis_families.py` is.
"""
