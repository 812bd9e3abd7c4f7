"""Batch, group, instance and layer normalisation, and their gradients."""

from cnn_physics77.core.kernels.normalization.batch import batch_norm_forward, batch_norm_gradient
from cnn_physics77.core.kernels.normalization.group import group_norm_forward, group_norm_gradient
from cnn_physics77.core.kernels.normalization.layer import layer_norm_forward, layer_norm_gradient

__all__ = [
    "batch_norm_forward",
    "batch_norm_gradient",
    "group_norm_forward",
    "group_norm_gradient",
    "layer_norm_forward",
    "layer_norm_gradient",
]
