"""Checks and conversions of what users pass: data that becomes tensors, axes, shapes and dtypes.

It knows no graph, and is below the other folders of the frontend.
"""
