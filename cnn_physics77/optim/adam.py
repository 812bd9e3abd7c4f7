"""``torch.optim.adam``: :class:`Adam`."""

from cnn_physics77.core.optim.adam import Adam

__all__ = ["Adam"]
