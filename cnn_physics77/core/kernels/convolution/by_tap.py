"""One product for each tap, of what that tap reaches and nothing else.

With ``x[tap]`` the pixels inside of ``x`` that a tap reads, and ``y[tap]`` the windows that read them,

    y[tap]      += weight[tap]   @ x[tap]
    dx[tap]     += weight[tap]^T @ g[tap]
    dweight[tap] = sum over samples of g[tap] @ x[tap]^T

The other algorithms also multiply by zeros outside of the images, which gives NaN where the other factor is
not finite. Any number of spatial dimensions, any dtype, any groups. Each map is one call of a captured step.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.convolution.algorithm import Algorithm
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.one_call import one_call
from cnn_physics77.core.kernels.windows import window_ranges


def _ranges(shapes: ConvolutionShapes):
    s = shapes
    return window_ranges(s.input_size, s.output_size, s.kernel_size, s.stride, s.padding, s.dilation)


def _in_groups(images: np.ndarray, groups: int) -> np.ndarray:
    return images.reshape(len(images), groups, images.shape[1] // groups, *images.shape[2:])


def _columns(images: np.ndarray) -> np.ndarray:
    return images.reshape(*images.shape[:3], prod(images.shape[3:]))


def _taps(weight: np.ndarray, groups: int) -> np.ndarray:
    """(taps, G, K/G, C/G)"""
    taps = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], prod(weight.shape[2:]))
    return np.moveaxis(taps, 3, 0)


@one_call
def forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None
) -> np.ndarray:
    """``y`` (N, K, *output_size) from ``x`` (N, C, *input_size) and ``weight`` (K, C/G, *kernel_size)."""
    s = shapes
    y = np.zeros((s.batch, s.out_channels, *s.output_size), np.result_type(x, weight))
    images, result = _in_groups(x, s.groups), _in_groups(y, s.groups)
    for tap, (outputs, inputs) in zip(_taps(weight, s.groups), _ranges(s)):
        result[outputs] += matmul(tap, _columns(images[inputs])).reshape(result[outputs].shape)
    if bias is not None:
        y += bias.reshape(-1, *(1 for _ in s.output_size))
    return y


@one_call
def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (N, C, *input_size) from ``g`` (N, K, *output_size) and ``weight``."""
    s = shapes
    gradient = np.zeros((s.batch, s.in_channels, *s.input_size), np.result_type(g, weight))
    images, result = _in_groups(g, s.groups), _in_groups(gradient, s.groups)
    for tap, (outputs, inputs) in zip(_taps(weight, s.groups), _ranges(s)):
        product = matmul(tap.swapaxes(1, 2), _columns(images[outputs]))
        result[inputs] += product.reshape(result[inputs].shape)
    return gradient


@one_call
def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (K, C/G, *kernel_size) from ``g`` (N, K, *output_size) and ``x`` (N, C, *input_size)."""
    s = shapes
    gradient = np.empty((s.out_channels, s.in_channels // s.groups, *s.kernel_size), np.result_type(g, x))
    images, gradients = _in_groups(x, s.groups), _in_groups(g, s.groups)
    for tap, (outputs, inputs) in zip(_taps(gradient, s.groups), _ranges(s)):
        product = matmul(_columns(gradients[outputs]), _columns(images[inputs]).swapaxes(2, 3))
        tap[...] = product.sum(axis=0)
    return gradient


BY_TAP = Algorithm(
    "by_tap",
    lambda problem: True,
    lambda problem: float("inf"),
    forward,
    input_gradient,
    weight_gradient,
    pads=(),
)
