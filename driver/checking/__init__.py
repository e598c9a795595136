"""Checks gradients against finite differences, on IR: which x is wrong, at which order, and whose rule is at fault.

It runs the program, on the evaluator, so it belongs to the driver though it is a pass, too (`check_gradients.py`).
"""
