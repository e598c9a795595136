"""Recurrences: work of all trips of a `graph.while` that is done at once, before the loop or after it."""
