"""Level `gpu`, from level `kernels`: kernels as `gpu.func`, and the host function that launches them.

What the lowering has in common with that to loops is in `passes/lowering`.
"""
