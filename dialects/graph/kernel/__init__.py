"""Level `kernels`: `graph.kernel` with its schedule, the buffers of a memory plan, and calls of the host.

These describe how a graph is executed, and may import every folder of operations. The passes that form kernels and plan
memory are in `passes/kernels`.
"""
