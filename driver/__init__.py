"""From a graph function to something that is called on arrays: pipelines of passes, and a backend for each target.

The only place that knows passes and backends. What users call is in `frontend`, what reads command lines in `tools`.
"""
