"""The command line: `pullback-opt`, `pullback-run`, the plug-in for `xdsl-opt`.

`generate` makes the pages of docs/ that come from code. What both tools do to a program is in `passes` and `driver`.
"""
