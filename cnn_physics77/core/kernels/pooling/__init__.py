"""Pooling over any number of spatial axes: max, average, adaptive, and their adjoints."""

from cnn_physics77.core.kernels.pooling.adaptive import (
    adaptive_average_pool,
    adaptive_average_pool_gradient,
    adaptive_max_pool,
)
from cnn_physics77.core.kernels.pooling.average import average_pool, average_pool_gradient
from cnn_physics77.core.kernels.pooling.max import flat_indices, max_pool, max_pool_gather, max_pool_scatter
from cnn_physics77.core.kernels.pooling.shapes import pool_output_size

__all__ = [
    "adaptive_average_pool",
    "adaptive_average_pool_gradient",
    "adaptive_max_pool",
    "average_pool",
    "average_pool_gradient",
    "flat_indices",
    "max_pool",
    "max_pool_gather",
    "max_pool_scatter",
    "pool_output_size",
]
