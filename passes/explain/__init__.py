"""Explanations of gradients: the way that one takes through the graph, or where every way is cut.

It changes nothing. `question.py` finds what a text asks about; `frontend/gradients/explain.py` and `tools/explain.py`
show the answers.
"""
