"""What an operation of the graph is: the base class `GraphOp`, the families it may belong to, and shared checks.

`scalar.py` and `scalar_functions.py` are what bodies of elementwise operations are written in, `oracles.py` helps
to state NumPy meanings. An operation itself belongs in the folder of its subject; a family that only one subject
needs is with that subject, as `along_axes/axis_families.py` is.
"""
