"""The targets: for each the passes that lead to it, and the object that runs what they make.

A target joins a level of `passes` to an executor of `backends`, and is the only place that does so.
"""
