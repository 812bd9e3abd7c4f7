"""The reference im2col: any number of spatial dimensions, any dtype, any groups.

The windows of one sample are the columns of a matrix, and for each group

    y       = weight   @ columns      (K/G, CT/G) @ (CT/G, L)
    columns = weight^T @ g            then col2im: the input gradient
    weight  = sum over samples of g @ columns^T

with T taps in a window and L windows. The other algorithms are measured against this one. Its
float32 error (root mean square over the standard deviation of the result; 3x3, C = 32 / 64 / 256) is 2.8e-7 /
2.9e-7 / 3.1e-7, where torch 2.13 has 3.0e-7 / 4.1e-7 / 8.3e-7; `winograd_2d` has the whole table.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.convolution.algorithm import (
    FORWARD,
    WEIGHT_GRADIENT,
    Algorithm,
    Problem,
)
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.windows import col2im, im2col


def forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None
) -> np.ndarray:
    """``y`` (N, K, *output_size) from ``x`` (N, C, *input_size) and ``weight`` (K, C/G, *kernel_size)."""
    s = shapes
    columns = im2col(x, s.kernel_size, s.dilation, s.padding, s.stride)
    columns = columns.reshape(s.batch, s.groups, s.inner_length, prod(s.output_size))
    y = matmul(weight.reshape(s.groups, s.out_channels // s.groups, s.inner_length), columns)
    y = y.reshape(s.batch, s.out_channels, *s.output_size)
    if bias is not None:
        y += bias.reshape(-1, *(1 for _ in s.output_size))
    return y


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (N, C, *input_size) from ``g`` (N, K, *output_size) and ``weight``."""
    s = shapes
    per_group = s.out_channels // s.groups
    g = g.reshape(s.batch, s.groups, per_group, prod(s.output_size))
    columns = matmul(weight.reshape(s.groups, per_group, s.inner_length).swapaxes(1, 2), g)
    columns = columns.reshape(s.batch, s.groups * s.inner_length, prod(s.output_size))
    return col2im(columns, s.input_size, s.kernel_size, s.dilation, s.padding, s.stride)


def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    """The gradient (K, C/G, *kernel_size) from ``g`` (N, K, *output_size) and ``x`` (N, C, *input_size)."""
    s = shapes
    per_group = s.out_channels // s.groups
    length = s.batch * prod(s.output_size)
    columns = im2col(x, s.kernel_size, s.dilation, s.padding, s.stride)
    columns = columns.reshape(s.batch, s.groups, s.inner_length, prod(s.output_size))
    columns = columns.transpose(1, 0, 3, 2).reshape(s.groups, length, s.inner_length)
    g = g.reshape(s.batch, s.groups, per_group, prod(s.output_size))
    g = g.transpose(1, 2, 0, 3).reshape(s.groups, per_group, length)
    return matmul(g, columns).reshape(s.out_channels, s.in_channels // s.groups, *s.kernel_size)


def cost(problem: Problem) -> float:
    """Infinite: where another algorithm applies, it is faster."""
    return float("inf")


IM2COL_PLAIN = Algorithm(
    "im2col_plain",
    lambda problem: True,
    cost,
    forward,
    input_gradient,
    weight_gradient,
    pads=(FORWARD, WEIGHT_GRADIENT),
)
