"""IR of any dialect: reading and printing it, errors about it, and copies of it for another process.

Nothing here knows an operation of the graph. The context that loads every dialect, and the verifier that knows
their traits, are above the dialects: `dialects/context.py`, `dialects/verification.py`.
"""
