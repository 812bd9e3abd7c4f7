"""The input gradient of small images with few channels: each row of pixels as one vector.

Along a row a convolution is a product with a banded matrix. With the rows of g as vectors of W' K numbers,
and those of the input's gradient as vectors of W C,

    band[(o, k), (t, w, c)] = weight[k, c, t, j]     where w = o * stride - padding + j * dilation, else 0
    rows                    = g @ band               (N H' x W' K) @ (W' K x kernel_height W C)
    dx[n, i]                = sum over t of rows[n, o, t]   where i = o * stride - padding + t * dilation

The band multiplies W / kernel_width times as often as needed, but it is one large product of g as it lies in
channels-last memory, and what is added afterwards are whole rows: for few channels, where pixels and
rows of pixels are short pieces of memory, that takes half the time of `slabs`. Error in float32: as im2col
and one product (see `plain`). The zeros of the band times an infinity would be NaN, so a gradient that is not
finite goes to `slabs`.
"""

from math import prod

import numpy as np

from cnn_physics77.core.kernels import slabs
from cnn_physics77.core.kernels.blocks import cut
from cnn_physics77.core.kernels.dynamic_range import all_finite
from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.pooling_windows import axis_cuts
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The gradient (N, C, H, W), contiguous."""
    q = geometry
    if not all_finite(g):
        return slabs.input_gradient(g, weight, q)
    height, width = q.input_size
    taps = q.kernel_size[0]
    band = _band(weight, q)
    rows_of_g = g.transpose(0, 2, 3, 1)
    gradient = np.empty((q.batch, q.in_channels, height, width), g.dtype)
    blocks = cut(q.batch, 1, q.output_size[0] * band.shape[1] * g.itemsize)
    cuts = axis_cuts(height, q.output_size[0], taps, q.stride[0], q.padding[0], q.dilation[0])

    def block(index: int) -> None:
        samples = blocks[index][0]
        part = rows_of_g[samples]
        rows = scratch("bands rows", (len(part) * q.output_size[0], band.shape[1]), g.dtype)
        np.matmul(part.reshape(-1, len(band)), band, out=rows)  # copies where g is not channels-last
        rows = rows.reshape(len(part), q.output_size[0], taps, width * q.in_channels)
        image = scratch("bands image", (len(part), height, width * q.in_channels), g.dtype)
        image.fill(0)
        for tap, (outputs, inputs) in enumerate(cuts):
            image[:, inputs] += rows[:, outputs, tap]
        pixels = image.reshape(len(part), height, width, q.in_channels)
        gradient[samples] = pixels.transpose(0, 3, 1, 2)

    parallel_for(block, len(blocks), q.batch * q.output_size[0] * prod(band.shape) / 3e4)
    return gradient


def _band(weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The weights as a matrix (W' K, kernel_height * W * C)."""
    q = geometry
    (outputs, width), padding, (taps, span) = (q.output_size[1], q.input_size[1]), q.padding[1], q.kernel_size
    padded = width + 2 * padding
    band = np.zeros((outputs, q.out_channels, taps, padded, q.in_channels), weight.dtype)
    output, channel, tap, pixel, _ = band.strides
    # band[o, k, t, o * stride + j * dilation, c], as an array over (o, k, t, j, c)
    diagonal = (output + q.stride[1] * pixel, channel, tap, q.dilation[1] * pixel, band.itemsize)
    shape = (outputs, q.out_channels, taps, span, q.in_channels)
    np.ndarray(shape, band.dtype, band, 0, diagonal)[...] = weight.transpose(0, 2, 3, 1)
    return band[:, :, :, padding : padding + width].reshape(outputs * q.out_channels, -1)
