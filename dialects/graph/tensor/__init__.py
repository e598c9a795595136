"""Values of the graph: their types, the handle `Tensor` with Python's operators, locations, and NumPy data.

Operators find their operations in the registry `OPS`, so nothing here imports one. Arrays that become tensors,
attributes that hold numbers and axes, insertion points and locations belong here; a class of operations does not.
"""
