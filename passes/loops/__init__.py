"""Level `loops`, from level `kernels`: each kernel as loops over memory and vectors, one lowering for each kind.

What the lowering has in common with that to GPUs is in `passes/lowering`.
"""
