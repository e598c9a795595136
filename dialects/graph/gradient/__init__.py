"""Requests for gradients, the markers that a request leaves behind, and values with a gradient of their own.

The engine that follows a request is in `passes/gradients`; the rule of an operation is the method `gradient` of its
class. `policies.py` has the choices that a request leaves to later passes.
"""
