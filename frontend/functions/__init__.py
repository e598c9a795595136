"""The array functions: Array API names, and TensorFlow's where they differ.

One module for each subject of `dialects/graph`. Functions that only apply an operation class are generated from it, in
`elementwise.py`. Arguments are checked and converted in `frontend/operands`.
"""
