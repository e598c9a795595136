"""Gradients of a graph: `gradients`, `jacobian`, `hessians`, rules that users register, checks and explanations.

The engine is `passes/gradients`, and works on IR alone; here are arguments, errors and names. Gradients of Python
functions, such as `grad`, are in `frontend/transforms`.
"""
