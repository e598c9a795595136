"""The reference evaluator: runs levels `gradients`, `graph` and `kernels` operation by operation, by `numpy` methods.

Every other backend is tested against it. `host_calls.py` is what other backends take from it: one operation, on
memory, by its meaning on arrays.
"""
