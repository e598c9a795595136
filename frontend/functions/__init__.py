"""The array functions: Array API names, and TensorFlow's where they differ.

One module for each subject of `dialects/graph`. Functions that only apply a class of operations are made from it, in
`elementwise.py`. `axes.py`, `dtypes.py`, `extents.py` and `windows.py` check arguments.
"""
