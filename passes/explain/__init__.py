"""Why a gradient is what it is: the way it takes through the graph, or where every way is cut.

It changes nothing. How an answer is asked for and shown is in `frontend/gradients/explain.py` and `tools/explain.py`.
"""
