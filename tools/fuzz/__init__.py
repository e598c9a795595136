"""`python -m pullback.tools.fuzz`: mutated text through the tools and the levels, random programs through all targets.

Each case is made from its own seed and runs in a child process. A changed number, or no diagnostic, is a failure.
"""
