"""``torch.optim.optimizer``: the base of all optimizers."""

from cnn_physics77.core.optim.optimizer import Optimizer, required

__all__ = ["Optimizer", "required"]
