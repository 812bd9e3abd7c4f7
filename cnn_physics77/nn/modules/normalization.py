"""``torch.nn.modules.normalization``: normalization of groups and layers."""

from cnn_physics77.core.layers.normalization import GroupNorm, LayerNorm, RMSNorm

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]
