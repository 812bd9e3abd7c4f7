"""Convolution: three maps (`dispatch`) and several algorithms, of which the fastest is taken (`select`).

To add an algorithm: write a file that defines an `algorithm.Algorithm`, and name it in the list in
`dispatch`.
"""

from cnn_physics77.core.kernels.convolution.dispatch import (
    channel_sum,
    convolution,
    convolution_gradients,
    convolution_input_gradient,
    convolution_weight_gradient,
)

__all__ = [
    "channel_sum",
    "convolution",
    "convolution_gradients",
    "convolution_input_gradient",
    "convolution_weight_gradient",
]
