"""Compilation of graph functions to callables on arrays: pipelines of passes, and an executor for each target.

The only place that knows passes and backends. What users call is in `frontend`, what reads command lines in `tools`.
"""
