"""`pb.train`: optimizers with TensorFlow's names and defaults, and checkpoints.

A new optimizer is a file of its own here, and a name in `__all__`. What every optimizer does is in `optimizer.py`.
"""

from __future__ import annotations

from pullback.frontend.train.adagrad import AdagradOptimizer
from pullback.frontend.train.adam import AdamOptimizer
from pullback.frontend.train.checkpoints.checkpoints import (
    CheckpointError,
    restore_checkpoint,
    save_checkpoint,
)
from pullback.frontend.train.global_step import get_or_create_global_step
from pullback.frontend.train.gradient_descent import GradientDescentOptimizer
from pullback.frontend.train.momentum import MomentumOptimizer
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.rms_prop import RMSPropOptimizer

__all__ = [
    "AdagradOptimizer",
    "AdamOptimizer",
    "CheckpointError",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "RMSPropOptimizer",
    "get_or_create_global_step",
    "restore_checkpoint",
    "save_checkpoint",
]
