"""Shape inference and specialisation: types of results from types of operands, through loops and kernels."""
