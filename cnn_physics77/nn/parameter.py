"""``torch.nn.parameter``: the tensors that a module registers."""

from cnn_physics77.core.layers.parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter"]
