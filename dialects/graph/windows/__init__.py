"""Sliding windows over images (N, H, W, C): convolutions and pooling, and the gradients of both.

`windows.py` counts the windows and says which elements each reads, for arrays and for shapes; `window_views.py` reads
them as operations of the graph, for kernels.
"""
