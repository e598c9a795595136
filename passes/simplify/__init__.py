"""Simplification of graphs: `canonicalize`, `cse`, `dce`, and loops that become one. The rules are in `folds`."""
