"""Fusion: from level `graph` to kernels, each a group of operations that run as one loop nest, with a schedule.

Where values lie in memory is decided afterwards, in `passes/kernels/memory`.
"""
