"""Functions on arrays, made of graphs: `compile` and `run` of a part of a graph, `function` of a Python function.

How the function is compiled for a target is in `driver`.
"""
