"""The errors of the frontend."""

from pullback.dialects.graph.tensor.types import ArgumentTypeError as ArgumentTypeError
