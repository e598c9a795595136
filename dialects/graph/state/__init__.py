"""State and control flow: variables and their updates, loops, and the stacks that loops fill.

A new control structure or a new kind of update belongs here. Operations that only gradients need are in `gradient`.
"""
