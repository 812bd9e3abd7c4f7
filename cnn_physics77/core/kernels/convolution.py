"""The three maps of convolution: forward, input gradient (the transposed convolution) and weight gradient.

With G groups, and ``position = o * stride - padding + tap * dilation``, where ``x`` reads as zero outside of itself:

    y[n, k, o] = bias[k] + sum over c, tap of weight[k, c, tap] x[n, c, position]

where ``c`` runs over the C/G channels of the group of ``k``. It is linear in ``x`` and in ``weight``, and
the other two maps are its transposes in one and in the other, so each map's derivatives are again maps of
this family. As in PyTorch this is the cross-correlation: the kernel is not turned.

Results have the logical order (N, C, *size), in any order of memory, and never share memory with an
argument.
"""

import numpy as np

from cnn_physics77.core.kernels import plain
from cnn_physics77.core.kernels.geometry import check_gradient, geometry
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
    return plain.forward(x, weight, sizes, bias)


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
    return plain.input_gradient(g, weight, sizes)


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
    return plain.weight_gradient(g, x, sizes)


def channel_sum(g: np.ndarray) -> np.ndarray:
    """The sum of ``g`` (N, K, *size) over samples and pixels: the gradient (K,) of a convolution's bias.

    >>> channel_sum(np.ones((2, 3, 4, 4)))
    array([32., 32., 32.])
    """
    return g.sum(axis=(0, *range(2, g.ndim)))
