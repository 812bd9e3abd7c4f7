"""Slow, obvious loops for the three maps of convolution: what the fast kernels are tested against.

All three come from one trilinear form, ``sum g[y_index] * weight[w_index] * x[x_index]`` over the same
terms: the convolution is its derivative in ``g``, the input gradient that in ``x``, the weight gradient
that in ``weight``.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from cnn_physics77.core.kernels.windows import Size, output_size


def terms(
    x_shape: Size, weight_shape: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> Iterator[tuple[Size, Size, Size]]:
    """Every (index of x, index of weight, index of y) that meet in one product."""
    batch, _, *size = x_shape
    out_channels, group_channels, *kernel_size = weight_shape
    counts = output_size(tuple(size), tuple(kernel_size), stride, padding, dilation)
    for n, k, o in product(range(batch), range(out_channels), product(*map(range, counts))):
        group = k // (out_channels // groups)
        for c, tap in product(range(group_channels), product(*map(range, kernel_size))):
            position = tuple(i * s - p + t * d for i, s, p, t, d in zip(o, stride, padding, tap, dilation))
            if all(0 <= i < n for i, n in zip(position, size)):
                yield (n, group * group_channels + c, *position), (k, c, *tap), (n, k, *o)


def convolution(
    x: np.ndarray, weight: np.ndarray, stride: Size, padding: Size, dilation: Size, groups: int
) -> np.ndarray:
    """``y[n, k, o] = sum over c, tap of weight[k, c, tap] x[n, c, position]``, zero outside of ``x``."""
    counts = output_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    y = np.zeros((x.shape[0], weight.shape[0], *counts), np.result_type(x, weight), like=x)
    for x_index, w_index, y_index in terms(x.shape, weight.shape, stride, padding, dilation, groups):
        y[y_index] += weight[w_index] * x[x_index]
    return y


def convolution_input_gradient(
    g: np.ndarray,
    weight: np.ndarray,
    input_size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
) -> np.ndarray:
    """The derivative of ``sum(g * convolution(x, weight))`` in ``x``."""
    gradient = np.zeros(
        (g.shape[0], weight.shape[1] * groups, *input_size), np.result_type(g, weight), like=g
    )
    for x_index, w_index, y_index in terms(gradient.shape, weight.shape, stride, padding, dilation, groups):
        gradient[x_index] += g[y_index] * weight[w_index]
    return gradient


def convolution_weight_gradient(
    g: np.ndarray, x: np.ndarray, kernel_size: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> np.ndarray:
    """The derivative of ``sum(g * convolution(x, weight))`` in ``weight``."""
    gradient = np.zeros((g.shape[1], x.shape[1] // groups, *kernel_size), np.result_type(g, x), like=g)
    for x_index, w_index, y_index in terms(x.shape, gradient.shape, stride, padding, dilation, groups):
        gradient[w_index] += g[y_index] * x[x_index]
    return gradient
