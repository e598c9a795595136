"""Calls of functions: inlined before gradients are made, so that no later level of a graph has any."""
