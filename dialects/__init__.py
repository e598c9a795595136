"""The dialects: definitions of operations, types and attributes, without passes and targets.

In order, each importing only those before it: `ir` (of no dialect: text, diagnostics), `upstream` (MLIR's dialects
as levels `loops` and `gpu` use them), `graph` (ours), `bounds`, and on top `context`, which loads all of them, and
`verification`, which checks a module. What rewrites IR is in `passes`, what runs it in `backends`.
"""
