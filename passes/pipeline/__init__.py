"""Passes by name: the catalog, their options, the levels with what may occur in each, and pipelines in text.

A new pass is a row of `catalog.py`; the pass itself is in the folder of its subject.
"""
