"""The three maps of convolution: forward, input gradient (the transposed convolution) and weight gradient.

With G groups, and ``position = o * stride - padding + tap * dilation``, where ``x`` reads as zero outside of
itself:

    y[n, k, o] = bias[k] + sum over c, tap of weight[k, c, tap] x[n, c, position]

where ``c`` runs over the C/G channels of the group of ``k``. The map is linear in ``x`` and in ``weight``;
the other two are its transposes in either, so the derivatives of each map are again maps of this family. As
in PyTorch this is the cross-correlation: the kernel is not turned.

What is not finite meets only what the kernel reaches: an infinite weight is not multiplied by the zeros
outside. Algorithms that do this are replaced by `by_tap` where it matters.

Results have the logical order (N, C, *size), in any order of memory, and never share memory with an
argument. The arguments must fit one another; the operations check them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache, partial
from math import gcd

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.convolution import by_tap
from cnn_physics77.core.kernels.convolution.algorithm import (
    FORWARD,
    INPUT_GRADIENT,
    WEIGHT_GRADIENT,
    Algorithm,
    Problem,
)
from cnn_physics77.core.kernels.convolution.banded import BANDED
from cnn_physics77.core.kernels.convolution.by_group import by_group
from cnn_physics77.core.kernels.convolution.depthwise import DEPTHWISE
from cnn_physics77.core.kernels.convolution.dynamic_range import all_finite
from cnn_physics77.core.kernels.convolution.im2col_nchw import IM2COL_NCHW
from cnn_physics77.core.kernels.convolution.im2col_nhwc import IM2COL_NHWC
from cnn_physics77.core.kernels.convolution.im2col_plain import IM2COL_PLAIN
from cnn_physics77.core.kernels.convolution.select import Choice, select
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes, convolution_shapes
from cnn_physics77.core.kernels.convolution.sum_of_parts import sum_of_parts
from cnn_physics77.core.kernels.convolution.winograd_1d import WINOGRAD_1D
from cnn_physics77.core.kernels.convolution.winograd_2d import WINOGRAD_2D
from cnn_physics77.core.kernels.runtime.choice import either, nothing
from cnn_physics77.core.kernels.runtime.parallel import Steps, side_by_side
from cnn_physics77.core.kernels.runtime.tiling import block_length
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

    >>> x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    >>> weight = np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
    >>> convolution(x, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1)
    array([[[[-4., -4.],
             [-4., -4.]]]])
    """
    shapes = convolution_shapes(x.shape, weight.shape, stride, padding, dilation, groups)
    return _forward(x, weight, shapes, bias)


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

    >>> weight = np.array([[[1.0, 2.0]]])
    >>> convolution_input_gradient(np.ones((1, 1, 2)), weight, (4,), (2,), (0,), (1,), 1)
    array([[[1., 2., 1., 2.]]])
    """
    x_shape = (g.shape[0], weight.shape[1] * groups, *input_size)
    shapes = convolution_shapes(x_shape, weight.shape, stride, padding, dilation, groups)
    return _input_gradient(g, weight, shapes)


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

    >>> x = np.arange(4.0).reshape(1, 1, 4)
    >>> convolution_weight_gradient(np.ones((1, 1, 2)), x, (2,), (2,), (0,), (1,), 1)
    array([[[2., 4.]]])
    """
    weight_shape = (g.shape[1], x.shape[1] // groups, *kernel_size)
    shapes = convolution_shapes(x.shape, weight_shape, stride, padding, dilation, groups)
    return _weight_gradient(g, x, shapes)


def convolution_gradients(
    g: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
) -> tuple[np.ndarray, np.ndarray]:
    """`convolution_input_gradient` and `convolution_weight_gradient`: one loop for both, where they have one.

    >>> x, weight = np.arange(4.0).reshape(1, 1, 4), np.array([[[1.0, 2.0]]])
    >>> convolution_gradients(np.ones((1, 1, 2)), x, weight, (2,), (0,), (1,), 1)
    (array([[[1., 2., 1., 2.]]]), array([[[2., 4.]]]))
    """
    shapes = convolution_shapes(x.shape, weight.shape, stride, padding, dilation, groups)
    if g.ndim == 3:
        gradients = _gradients(g[:, :, None], x[:, :, None], weight[:, :, None], _in_two_dimensions(shapes))
        return gradients[0][:, :, 0], gradients[1][:, :, 0]
    return _gradients(g, x, weight, shapes)


def _forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None
) -> np.ndarray:
    if x.ndim == 3:
        return _forward(x[:, :, None], weight[:, :, None], _in_two_dimensions(shapes), bias)[:, :, 0]
    return _run(_steps(FORWARD, shapes, x, weight)(x, weight, shapes, bias))[0]


def _input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    if g.ndim == 3:
        return _input_gradient(g[:, :, None], weight[:, :, None], _in_two_dimensions(shapes))[:, :, 0]
    return _run(_steps(INPUT_GRADIENT, shapes, g, weight)(g, weight, shapes))[0]


def _weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes) -> np.ndarray:
    if g.ndim == 3:
        return _weight_gradient(g[:, :, None], x[:, :, None], _in_two_dimensions(shapes))[:, :, 0]
    return _run(_steps(WEIGHT_GRADIENT, shapes, x, g)(g, x, shapes))[0]


def _gradients(
    g: np.ndarray, x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes
) -> tuple[np.ndarray, np.ndarray]:
    of_input = _steps(INPUT_GRADIENT, shapes, g, weight)(g, weight, shapes)
    of_weight = _steps(WEIGHT_GRADIENT, shapes, x, g)(g, x, shapes)
    gx, gw = _run(of_input, of_weight)
    return gx, gw


_run = silent(side_by_side)


def _in_two_dimensions(shapes: ConvolutionShapes) -> ConvolutionShapes:
    """A one-dimensional convolution as one over images of one row."""
    return replace(
        shapes,
        input_size=(1, *shapes.input_size),
        kernel_size=(1, *shapes.kernel_size),
        output_size=(1, *shapes.output_size),
        stride=(1, *shapes.stride),
        padding=(0, *shapes.padding),
        dilation=(1, *shapes.dilation),
    )


# ------------------------------------------------------------------------------ which algorithm runs a map

ALGORITHMS: tuple[Algorithm, ...] = (
    IM2COL_PLAIN,
    IM2COL_NCHW,
    BANDED,
    IM2COL_NHWC,
    DEPTHWISE,
    by_group(_forward, _input_gradient, _weight_gradient),
    *WINOGRAD_1D,
    *WINOGRAD_2D,
    by_tap.BY_TAP,
)

_MIXED = np.dtype(object)  # what two dtypes have in common: only im2col_plain lets NumPy promote them


def _steps(map: str, shapes: ConvolutionShapes, images: np.ndarray, other: np.ndarray) -> Callable:
    """The steps of the fastest algorithm for a map that reads ``images`` (N, C, H, W) and another array, of
    which no value meets zeros outside of the images."""
    dtype = images.dtype if images.dtype == other.dtype else _MIXED
    algorithm = choose(map, shapes, dtype, images.strides[1] == images.itemsize).algorithm
    if algorithm.reads_outside(map, shapes):
        if map == WEIGHT_GRADIENT:
            return partial(_without_outside, algorithm)
        if not all_finite(other):
            algorithm = by_tap.BY_TAP
    return partial(algorithm.steps, map)


def _without_outside(
    algorithm: Algorithm, g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes
) -> Steps[np.ndarray]:
    """A weight gradient without products of g with zeros outside of x. They matter only if g is not finite,
    and then all gradients of that channel are not. So there is no need to look at more than one of each."""
    gradient = yield from algorithm.steps(WEIGHT_GRADIENT, g, x, shapes)
    one_of_each = gradient[:, *(slice(1) for _ in gradient.shape[1:])]

    def again() -> None:
        np.copyto(gradient, by_tap.weight_gradient(g, x, shapes))

    either(np.isfinite(one_of_each.sum()), nothing, again)
    return gradient


def choose(map: str, shapes: ConvolutionShapes, dtype: np.dtype, channels_last: bool = True) -> Choice:
    """The algorithm that runs ``map`` ("forward", "input_gradient" or "weight_gradient"), and the reason.

    Args:
        channels_last: whether the images that it reads have their channels contiguous in memory.

    >>> shapes = convolution_shapes((64, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1)
    >>> print(choose("forward", shapes, np.dtype(np.float32)))
    forward: F(7x1, 3x1), least estimated time: F(7x1, 3x1) ... ms, im2col_nhwc ... ms
    >>> print(choose("forward", shapes, np.dtype(np.float64)))
    forward: im2col_nhwc, no other is as fast
    """
    return _choose(map, shapes, dtype, channels_last, _override.get())


@lru_cache(maxsize=4096)
def _choose(
    map: str, shapes: ConvolutionShapes, dtype: np.dtype, channels_last: bool, wanted: str | None
) -> Choice:
    return select(Problem(map, shapes, dtype, channels_last), ALGORITHMS, wanted)


_override: ContextVar[str | None] = ContextVar("algorithm", default=None)


@contextmanager
def override(name: str) -> Iterator[None]:
    """Inside this context the algorithm of this name runs every map that it can do.

    Raises:
        ValueError: no such algorithm.

    >>> shapes = convolution_shapes((1, 8, 9, 9), (8, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1)
    >>> with override("im2col_plain"):
    ...     print(choose("forward", shapes, np.dtype(np.float32)))
    forward: im2col_plain, by override
    """
    names = [algorithm.name for algorithm in ALGORITHMS]
    if name not in names:
        raise ValueError(f"override: expected one of {', '.join(names)}, found {name!r}")
    token = _override.set(name)
    try:
        yield
    finally:
        _override.reset(token)


# ------------------------------------------------------------------------------ the gradient of the bias

PIXELS_TOGETHER = 256  # in one row of a sum, at most
BYTES_PER_MICROSECOND = 6e4  # read by one core


def channel_sum(g: np.ndarray) -> np.ndarray:
    """The sum of ``g`` (N, K, *size) over samples and pixels: the gradient (K,) of a convolution's bias.

    Gradients in channels-last memory of a dtype that BLAS multiplies are summed by a product of ones with
    long rows of several pixels. That is faster and more exact than adding one pixel after the other.

    >>> channel_sum(np.ones((2, 3, 4, 4)))
    array([32., 32., 32.])
    """
    pixels = np.moveaxis(g, 1, -1)
    if pixels.flags.c_contiguous and g.dtype.kind in "fc" and g.dtype.char != "e":
        count, channels = g.size // max(1, g.shape[1]), g.shape[1]
        together = gcd(count, PIXELS_TOGETHER)
        rows = pixels.reshape(count // together, together * channels)
        step = block_length(len(rows), rows.shape[1] * rows.itemsize)

        def add(total: np.ndarray, starts: range) -> None:
            for start in starts:
                block = rows[start : start + step]
                total += np.ones((1, len(block)), g.dtype, like=g) @ block

        sums = sum_of_parts(
            add, range(0, len(rows), step), (1, rows.shape[1]), g, g.nbytes / BYTES_PER_MICROSECOND
        )
        return sums.reshape(together, channels).sum(axis=0)
    return g.sum(axis=(0, *range(2, g.ndim)))
