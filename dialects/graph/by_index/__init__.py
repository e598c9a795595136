"""Elements and rows chosen by integer tensors: gather, its adjoint scatters, indexed slices, one-hot vectors, `x[…]`.

The indices are known at run time. Slices with static bounds are in `movement/slicing.py`. `index.py` and
`lower_index.py` define no operations: they lower an index `x[…]` to operations.
"""
