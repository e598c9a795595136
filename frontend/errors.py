"""The errors of the frontend."""

from pullback.dialects.graph.types import ArgumentTypeError as ArgumentTypeError
