"""Level `gpu` of programs over several devices: kernels of GPUs as GPU kernels, those of the host as loops.

The one place that knows both lowerings of kernels.
"""
