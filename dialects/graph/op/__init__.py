"""Operations of the graph: the base class `GraphOp`, op families and interfaces, and shared verification.

`scalar.py` and `scalar_functions.py` are what bodies of elementwise operations are written in, `oracles.py` helps
to state NumPy meanings. An operation itself belongs in the folder of its subject; a family that only one subject
needs is with that subject, as `along_axes/axis_families.py` is.
"""
