"""`pb.train`: optimizers with TensorFlow's names and defaults, and checkpoints."""

from __future__ import annotations

from pullback.frontend.train.checkpoints import CheckpointError, restore_checkpoint, save_checkpoint
from pullback.frontend.train.global_step import get_or_create_global_step
from pullback.frontend.train.gradient_descent import GradientDescentOptimizer
from pullback.frontend.train.momentum import MomentumOptimizer
from pullback.frontend.train.optimizer import Optimizer

__all__ = [
    "CheckpointError",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "get_or_create_global_step",
    "restore_checkpoint",
    "save_checkpoint",
]
