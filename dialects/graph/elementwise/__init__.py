"""Operations on one element at a time: arithmetic, comparisons, casts, special functions, activations.

A class states the NumPy meaning, the scalar body that both lowerings use, and the gradient; operands broadcast.
Operations that combine elements along an axis are in `along_axes`, even activations such as softmax.
"""
