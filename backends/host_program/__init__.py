"""The host function of level `gpu` on the interpreter. Who runs the kernels that it launches, a subclass says."""
