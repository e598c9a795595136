"""Reverse-mode differentiation of the graph: requests become gradients, sums are chosen, gates are placed.

`engine.py` names no operation: rules are the classes' own, or registered. Policies that come after are passes too:
`aggregate_gradients.py` and `gate_gradients.py`.
"""
