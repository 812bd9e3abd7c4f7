"""The three maps of convolution: forward, input gradient (the transposed convolution) and weight gradient.

With G groups, and ``position = o * stride - padding + tap * dilation``, where ``x`` reads as zero outside of
itself:

    y[n, k, o] = bias[k] + sum over c, tap of weight[k, c, tap] x[n, c, position]

where ``c`` runs over the C/G channels of the group of ``k``. It is linear in ``x`` and in ``weight``, and
the other two maps are its transposes in one and in the other, so each map's derivatives are again maps of
this family. As in PyTorch this is the cross-correlation: the kernel is not turned.

Results have the logical order (N, C, *size), in any order of memory, and never share memory with an
argument.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import gcd

import numpy as np

from cnn_physics77.core.kernels import bands, channels_last, depthwise, plain, slabs, winograd, winograd_rows
from cnn_physics77.core.kernels.choose import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, choose
from cnn_physics77.core.kernels.geometry import Geometry, check_gradient, geometry
from cnn_physics77.core.kernels.products import matmul
from cnn_physics77.core.kernels.windows import Size


def convolution(
    x: np.ndarray,
    weight: np.ndarray,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """The convolution of ``x`` (N, C, *input_size) with ``weight`` (K, C/groups, *kernel_size).

    Args:
        stride, padding, dilation: one int for each spatial dimension.
        groups: the number of groups; in and out channels are multiples of it.
        bias: (K,), added to every pixel of its channel.

    Returns:
        (N, K, *output_size), see `windows.output_size`.

    Raises:
        ShapeError: sizes that do not fit one another, or a window larger than the padded input.

    >>> x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    >>> weight = np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
    >>> convolution(x, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1)
    array([[[[-4., -4.],
             [-4., -4.]]]])
    """
    sizes = geometry(x.shape, weight.shape, stride, padding, dilation, groups, "convolution")
    return _forward(x, weight, sizes, bias)


def convolution_input_gradient(
    g: np.ndarray,
    weight: np.ndarray,
    input_size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
) -> np.ndarray:
    """The transpose of the convolution in its input: the gradient in ``x`` of ``sum(g * y)``.

    It is also the forward map of the transposed convolution.

    Args:
        g: (N, K, *output_size).
        weight: (K, C/groups, *kernel_size).
        input_size: the spatial size of ``x``; with a stride several of them share one output size.

    Returns:
        (N, C, *input_size).

    Raises:
        ShapeError: sizes that do not fit one another.

    >>> weight = np.array([[[1.0, 2.0]]])
    >>> convolution_input_gradient(np.ones((1, 1, 2)), weight, (4,), (2,), (0,), (1,), 1)
    array([[[1., 2., 1., 2.]]])
    """
    operation = "convolution_input_gradient"
    x_shape = (g.shape[0], weight.shape[1] * groups, *input_size)
    sizes = geometry(x_shape, weight.shape, stride, padding, dilation, groups, operation)
    check_gradient(g.shape, sizes, operation)
    return _input_gradient(g, weight, sizes)


def convolution_weight_gradient(
    g: np.ndarray, x: np.ndarray, kernel_size: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> np.ndarray:
    """The transpose of the convolution in its weight: the gradient in ``weight`` of ``sum(g * y)``.

    Args:
        g: (N, K, *output_size).
        x: (N, C, *input_size).
        kernel_size: the spatial size of ``weight``; with a stride several of them share one output size.

    Returns:
        (K, C/groups, *kernel_size).

    Raises:
        ShapeError: sizes that do not fit one another.

    >>> x = np.arange(4.0).reshape(1, 1, 4)
    >>> convolution_weight_gradient(np.ones((1, 1, 2)), x, (2,), (2,), (0,), (1,), 1)
    array([[[2., 4.]]])
    """
    operation = "convolution_weight_gradient"
    weight_shape = (g.shape[1], x.shape[1] // max(groups, 1), *kernel_size)
    sizes = geometry(x.shape, weight_shape, stride, padding, dilation, groups, operation)
    check_gradient(g.shape, sizes, operation)
    return _weight_gradient(g, x, sizes)


def _forward(x: np.ndarray, weight: np.ndarray, q: Geometry, bias: np.ndarray | None) -> np.ndarray:
    if x.ndim == 3:
        return _forward(x[:, :, None], weight[:, :, None], _in_two_dimensions(q), bias)[:, :, 0]
    choice = choose(FORWARD, q, _common_dtype(x, weight), _channels_last(x))
    return ALGORITHMS[choice.algorithm][0](x, weight, q, bias)


def _input_gradient(g: np.ndarray, weight: np.ndarray, q: Geometry) -> np.ndarray:
    if g.ndim == 3:
        return _input_gradient(g[:, :, None], weight[:, :, None], _in_two_dimensions(q))[:, :, 0]
    choice = choose(INPUT_GRADIENT, q, _common_dtype(g, weight), _channels_last(g))
    return ALGORITHMS[choice.algorithm][1](g, weight, q)


def _weight_gradient(g: np.ndarray, x: np.ndarray, q: Geometry) -> np.ndarray:
    if g.ndim == 3:
        return _weight_gradient(g[:, :, None], x[:, :, None], _in_two_dimensions(q))[:, :, 0]
    choice = choose(WEIGHT_GRADIENT, q, _common_dtype(g, x), _channels_last(x))
    return ALGORITHMS[choice.algorithm][2](g, x, q)


def _in_two_dimensions(q: Geometry) -> Geometry:
    """A one-dimensional convolution as one over images of one row."""
    return replace(
        q,
        input_size=(1, *q.input_size),
        kernel_size=(1, *q.kernel_size),
        output_size=(1, *q.output_size),
        stride=(1, *q.stride),
        padding=(0, *q.padding),
        dilation=(1, *q.dilation),
    )


PIXELS_TOGETHER = 256  # at most, in one row of a sum

_MIXED = np.dtype(object)  # what two dtypes have in common: only the plain algorithm lets NumPy promote them


def _common_dtype(a: np.ndarray, b: np.ndarray) -> np.dtype:
    return a.dtype if a.dtype == b.dtype else _MIXED


def _channels_last(images: np.ndarray) -> bool:
    return images.strides[1] == images.itemsize


# The groups of a convolution are convolutions of slices of the channels.


def _group(q: Geometry) -> tuple[Geometry, list[tuple[slice, slice]]]:
    """The sizes of one group, and the slices of channels in and out of each."""
    incoming, outgoing = q.in_channels // q.groups, q.out_channels // q.groups
    one = replace(q, in_channels=incoming, out_channels=outgoing, groups=1)
    slices = [
        (slice(i * incoming, (i + 1) * incoming), slice(i * outgoing, (i + 1) * outgoing))
        for i in range(q.groups)
    ]
    return one, slices


def _forward_by_group(x: np.ndarray, weight: np.ndarray, q: Geometry, bias: np.ndarray | None) -> np.ndarray:
    one, slices = _group(q)
    y = np.empty((q.batch, *q.output_size, q.out_channels), x.dtype).transpose(0, 3, 1, 2)
    for incoming, outgoing in slices:
        part_bias = None if bias is None else bias[outgoing]
        y[:, outgoing] = _forward(x[:, incoming], weight[outgoing], one, part_bias)
    return y


def _input_gradient_by_group(g: np.ndarray, weight: np.ndarray, q: Geometry) -> np.ndarray:
    one, slices = _group(q)
    gradient = np.empty((q.batch, *q.input_size, q.in_channels), g.dtype).transpose(0, 3, 1, 2)
    for incoming, outgoing in slices:
        gradient[:, incoming] = _input_gradient(g[:, outgoing], weight[outgoing], one)
    return gradient


def _weight_gradient_by_group(g: np.ndarray, x: np.ndarray, q: Geometry) -> np.ndarray:
    one, slices = _group(q)
    return np.concatenate(
        [_weight_gradient(g[:, outgoing], x[:, incoming], one) for incoming, outgoing in slices]
    )


# forward(x, weight, geometry, bias), input_gradient(g, weight, geometry), weight_gradient(g, x, geometry)
ALGORITHMS: dict[str, tuple[Callable, Callable, Callable]] = {
    "plain": (plain.forward, plain.input_gradient, plain.weight_gradient),
    "slabs": (slabs.forward, slabs.input_gradient, slabs.weight_gradient),
    "bands": (slabs.forward, bands.input_gradient, slabs.weight_gradient),
    "channels_last": (channels_last.forward, channels_last.input_gradient, channels_last.weight_gradient),
    "depthwise": (depthwise.forward, depthwise.input_gradient, depthwise.weight_gradient),
    "by_group": (_forward_by_group, _input_gradient_by_group, _weight_gradient_by_group),
} | {
    f"{prefix}{m}": (
        partial(module.forward, m=m),
        partial(module.input_gradient, m=m),
        partial(module.weight_gradient, m=m),
    )
    for prefix, module, tiles in (
        ("rows", winograd_rows, (4, 5, 6, 7, 8)),
        ("winograd", winograd, (2, 4, 5, 6)),
    )
    for m in tiles
}


def channel_sum(g: np.ndarray) -> np.ndarray:
    """The sum of ``g`` (N, K, *size) over samples and pixels: the gradient (K,) of a convolution's bias.

    Float gradients in channels-last memory are summed as a row of ones times a matrix, of long rows that hold
    several pixels: faster, and more exact, than to add one pixel after the other.

    >>> channel_sum(np.ones((2, 3, 4, 4)))
    array([32., 32., 32.])
    """
    pixels = np.moveaxis(g, 1, -1)
    if pixels.flags.c_contiguous and g.dtype.kind in "fc" and g.dtype.char != "e":
        count, channels = g.size // max(1, g.shape[1]), g.shape[1]
        together = gcd(count, PIXELS_TOGETHER)
        rows = pixels.reshape(count // together, together * channels)
        sums = matmul(np.ones((1, len(rows)), g.dtype), rows)
        return sums.reshape(together, channels).sum(axis=0)
    return g.sum(axis=(0, *range(2, g.ndim)))
