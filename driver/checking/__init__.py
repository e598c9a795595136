"""Gradients against finite differences, on IR: which x is wrong, at which order, and whose rule is to blame."""
