"""Derivatives of functions, as functions: `grad`, `vjp`, `jvp`, `jacobian`, `hessian`.

They trace the function and ask for gradients of its graph; that request is in `frontend/gradients`.
"""
