"""Explanations of gradients: the way that one takes through the graph, or where every way is cut.

It changes nothing. How an answer is asked for and shown is in `frontend/gradients/explain.py` and `tools/explain.py`.
"""
