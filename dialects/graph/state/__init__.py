"""What changes or repeats while a graph runs: variables and their updates, loops, and the stacks that loops fill.

A new control structure or a new kind of update belongs here. What only gradients need is in `gradient`.
"""
