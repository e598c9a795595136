"""What the lowerings of kernels share, whatever the target: nodes, iteration spaces, memory, and the host function.

What only CPU loops need is in `passes/loops`, what only GPU kernels need in `passes/gpu`; neither imports the other.
"""
