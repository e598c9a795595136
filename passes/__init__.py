"""Rewriting IR: each pass takes a module from one level to the next, or stays at one.

`pipeline` has the passes by name, the levels and the named pipelines. `kernels`, `loops` and `gpu` are named after the
level that they make; the rest work on graphs. No pass runs anything: backends do.
"""
