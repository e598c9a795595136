"""Handles, which users hold while a graph is built: operations, slices, variables, random states, and their order.

`Tensor`, the handle of a value, is in `dialects/graph/tensor`, since rules use it as well. The graph that they
belong to is in `frontend/graph`.
"""
