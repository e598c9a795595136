"""Operations on one element at a time: arithmetic, comparisons, casts, special functions, activations.

A class states the NumPy meaning, the scalar body that both lowerings use, and the gradient; operands of `Binary` and
`Ternary` broadcast. What combines elements along an axis is in `along_axes`, even if its name is an activation's, as
softmax's is.
"""
