"""A graph under construction: the operations that enter it, their names, scopes, variables, devices, random states.

What turns a finished graph into a function on arrays is in `frontend/trace`.
"""
