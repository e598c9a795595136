"""The oracle: levels `gradients`, `graph` and `kernels` run operation by operation, each by its method `numpy`.

Every other backend is tested against it. `host_calls.py` is what other backends take from it: one operation, on
memory, by its meaning on arrays.
"""
