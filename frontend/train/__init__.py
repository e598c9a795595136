# ruff: noqa: I001  in the order in which a reader meets them
"""`pb.train`: optimizers with TensorFlow's names and defaults, and checkpoints.

A new optimizer is a file of its own here, and a line. What every optimizer does is in `optimizer.py`.
"""

from typing import TYPE_CHECKING

from pullback.frontend.train.optimizer import *
from pullback.frontend.train.gradient_descent import *
from pullback.frontend.train.momentum import *
from pullback.frontend.train.adam import *
from pullback.frontend.train.rms_prop import *
from pullback.frontend.train.adagrad import *
from pullback.frontend.train.global_step import *
from pullback.frontend.train.checkpoints.checkpoints import *

__all__: list[str]
if not TYPE_CHECKING:
    # The names that the modules above list, in the order of docs/python.md; not the modules.
    __all__ = [
        name for name, value in globals().items() if getattr(value, "__module__", "").startswith(__name__)
    ]
