"""A graph under construction: the operations that enter it, their names, scopes and devices, and its rollback.

What users hold of it is in `frontend/handles`; what turns it into a function on arrays is in `frontend/trace`.
"""
