"""The targets: for each the pipeline of passes, and the object that executes the lowered program.

A target joins a level of `passes` to an executor of `backends`, and is the only place that does so.
"""
