"""The model of kernels that all lowerings share: nodes, iteration spaces, memory, and the host function.

What only CPU loops need is in `passes/loops`, what only GPU kernels need in `passes/gpu`; neither imports the other.
"""
