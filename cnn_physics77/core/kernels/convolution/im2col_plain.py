"""Convolution by im2col and a matrix product: any number of spatial dimensions, any dtype, any groups.

The windows of one sample are the columns of a matrix, and for each group

    y       = weight   @ columns      (K/G, CT/G) @ (CT/G, L)
    columns = weight^T @ g            then col2im: the input gradient
    weight  = sum over samples of g @ columns^T

with T taps in a window and L windows. It is the plain algorithm that the others are measured against. Its
float32 error (root mean square over the standard deviation of the result; 3x3, C = 32 / 64 / 256) is 2.8e-7 /
2.9e-7 / 3.1e-7, where torch 2.13 has 3.0e-7 / 4.1e-7 / 8.3e-7; `winograd` has the whole table.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.products import matmul
from cnn_physics77.core.kernels.windows import col2im, im2col


def forward(x: np.ndarray, weight: np.ndarray, geometry: Geometry, bias: np.ndarray | None) -> np.ndarray:
    """``y`` (N, K, *output_size) from ``x`` (N, C, *input_size) and ``weight`` (K, C/G, *kernel_size)."""
    q = geometry
    columns = im2col(x, q.kernel_size, q.dilation, q.padding, q.stride)
    columns = columns.reshape(q.batch, q.groups, q.taps, prod(q.output_size))
    y = matmul(weight.reshape(q.groups, q.out_channels // q.groups, q.taps), columns)
    y = y.reshape(q.batch, q.out_channels, *q.output_size)
    if bias is not None:
        y += bias.reshape(-1, *(1 for _ in q.output_size))
    return y


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (N, C, *input_size) from ``g`` (N, K, *output_size) and ``weight``."""
    q = geometry
    per_group = q.out_channels // q.groups
    g = g.reshape(q.batch, q.groups, per_group, prod(q.output_size))
    columns = matmul(weight.reshape(q.groups, per_group, q.taps).swapaxes(1, 2), g)
    columns = columns.reshape(q.batch, q.groups * q.taps, prod(q.output_size))
    return col2im(columns, q.input_size, q.kernel_size, q.dilation, q.padding, q.stride)


def weight_gradient(g: np.ndarray, x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (K, C/G, *kernel_size) from ``g`` (N, K, *output_size) and ``x`` (N, C, *input_size)."""
    q = geometry
    per_group = q.out_channels // q.groups
    length = q.batch * prod(q.output_size)
    columns = im2col(x, q.kernel_size, q.dilation, q.padding, q.stride)
    columns = columns.reshape(q.batch, q.groups, q.taps, prod(q.output_size))
    columns = columns.transpose(1, 0, 3, 2).reshape(q.groups, length, q.taps)
    g = g.reshape(q.batch, q.groups, per_group, prod(q.output_size))
    g = g.transpose(1, 2, 0, 3).reshape(q.groups, per_group, length)
    return matmul(g, columns).reshape(q.out_channels, q.in_channels // q.groups, *q.kernel_size)
