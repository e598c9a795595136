"""Names of TensorFlow 1, JAX and NumPy for what Pullback has.

docs/names.md is made from it, and the errors that say what to write in place of a name that is not there.
"""
