"""Optimizers and learning-rate schedulers: they see parameters and their gradients, never layers."""

from cnn_physics77.core.optim.adam import Adam, AdamW
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
