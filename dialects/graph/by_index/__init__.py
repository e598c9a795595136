"""Elements and rows chosen by integer tensors: gather, its adjoint scatters, indexed slices, one-hot vectors, `x[…]`.

The indices are values of a run. Slices whose bounds are numbers are in `movement/slicing.py`. `index.py` and
`lower_index.py` are no operations: they turn what stands between the brackets of `x[…]` into some.
"""
