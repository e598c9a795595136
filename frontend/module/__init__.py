"""Programs as text and as modules: what `pullback-opt` and `pullback-run` do, from Python.

`module.py` has `Module`, `pass_pipeline.py` what rewrites one, `catalogs.py` the passes, pipelines, levels and
targets that there are.
"""
