"""The public API, `import pullback as pb`: graphs, functions, gradients, variables, training.

`public.py` collects it; `public_on_demand.py` has what is imported when a program first asks for it.

Each module lists its public names in `__all__`. Functions of tensors are in `functions`, one module for each subject of
`dialects/graph`; a function made of other functions alone needs no operation, and is there, too.
"""
