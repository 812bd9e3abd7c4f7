"""Average pooling and its adjoint.

The sum over a window is a product of sums along each axis, and so is its adjoint.
"""

from functools import lru_cache

import numpy as np

from cnn_physics77.core.kernels.pooling.shapes import for_samples, pool_output_size, split_shape
from cnn_physics77.core.kernels.runtime.layout import empty
from cnn_physics77.core.kernels.windows import Size, axis_ranges


def average_pool(
    x: np.ndarray,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size | None = None,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:
    """y[o] = (sum over k of x[o * stride - padding + k]) / divisor.

    The divisor is `divisor_override`, or else the number of elements of the window, counting those in the
    padding with `count_include_pad` but never those beyond it (where ceil_mode lets a window reach out). x:
    (..., *input_size). Returns (..., *output_size) of x's dtype; quotients of integers are rounded towards 0.

    >>> average_pool(np.array([[1.0, 3.0, 5.0]]), (2,), padding=(1,))
    array([[0.5, 4. ]])
    """
    d = len(kernel_size)
    if x.dtype.kind in "iu" and x.dtype.itemsize < 8:  # a sum may be too large where the mean is not
        y = average_pool(
            x.astype(np.int64), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )
        return y.astype(x.dtype)
    stride, padding = stride or kernel_size, padding or (0,) * d
    lead, size = split_shape(x, d, "average_pool")
    output = pool_output_size(size, kernel_size, stride, padding, None, ceil_mode)
    scale = _average_scale(
        size, output, kernel_size, stride, padding, count_include_pad, divisor_override, x.dtype
    )
    axes = tuple(zip(size, output, kernel_size, stride, padding, (1,) * d))
    y = empty(lead + output, x)
    if y.size == 0:
        return y
    for_samples(lambda b: _average_block(x[b], y[b], axes, scale), x, d, x.size * d * 4e-4)
    return y


@lru_cache(maxsize=256)
def _average_scale(size, output, kernel, stride, padding, count_include_pad, divisor_override, dtype):
    """1 / divisor for each output, the divisor itself for integers: a scalar where all are equal else an
    array of the output's size."""
    whole = dtype.kind in "iu"
    if divisor_override is not None:
        return dtype.type(divisor_override if whole else 1 / divisor_override)
    count = np.ones((), np.float64)
    for n, o, k, s, p in zip(size, output, kernel, stride, padding):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, n)
        count = count[..., None] * (stop - start)
    if count.min() == count.max():
        return dtype.type(count.flat[0] if whole else 1 / count.flat[0])
    scale = (count if whole else 1 / count).astype(dtype)
    scale.setflags(write=False)
    return scale


def _average_block(x, y, axes, scale):
    d = len(axes)
    for i, axis in enumerate(axes):
        last = i == d - 1
        shape = x.shape[: x.ndim - d + i] + (axis[1],) + x.shape[x.ndim - d + i + 1 :]
        total = y if last else empty(shape, y)
        x = _window_sum(x, total, axis, d - 1 - i)
    if y.dtype.kind in "iu":
        np.subtract(y, np.fmod(y, scale), out=y)  # rounds towards 0; what is left can be divided exactly
        np.floor_divide(y, scale, out=y)
    else:
        np.multiply(y, scale, out=y)


def _window_sum(x, total, axis, after):
    """total[o] = sum over k of x[o * stride - padding + k] along the axis with `after` axes behind it."""
    whole = slice(0, axis[1])
    tail = (slice(None),) * after
    terms = [((..., o, *tail), (..., i, *tail), o == whole) for o, i in axis_ranges(*axis)]
    started = False
    if len(terms) > 1 and terms[0][2] and terms[1][2]:
        np.add(x[terms[0][1]], x[terms[1][1]], out=total)
        terms, started = terms[2:], True
    elif terms[0][2]:
        np.copyto(total, x[terms[0][1]])
        terms, started = terms[1:], True
    if not started:
        total.fill(0)
    for outputs, inputs, _ in terms:
        total[outputs] += x[inputs]
    return total


def average_pool_gradient(
    g: np.ndarray,
    input_size: Size,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size | None = None,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> np.ndarray:
    """The adjoint of `average_pool`: each g / divisor is added to all the elements of its window.

    g: (..., *output_size), floating. Returns (..., *input_size).

    >>> average_pool_gradient(np.array([[2.0, 4.0]]), (5,), (2,))
    array([[1., 1., 2., 2., 0.]])
    """
    d = len(kernel_size)
    stride, padding = stride or kernel_size, padding or (0,) * d
    lead, output = split_shape(g, d, "average_pool_gradient")
    size = tuple(input_size)
    scale = _average_scale(
        size, output, kernel_size, stride, padding, count_include_pad, divisor_override, g.dtype
    )
    axes = tuple(zip(size, output, kernel_size, stride, padding, (1,) * d))
    gx = empty(lead + size, g)
    if g.size == 0:
        gx.fill(0)
        return gx
    for_samples(lambda b: _average_gradient_block(g[b], gx[b], axes, scale), gx, d, gx.size * d * 4e-4)
    return gx


def _average_gradient_block(g, gx, axes, scale):
    d = len(axes)
    g = g * scale
    for i, axis in reversed(tuple(enumerate(axes))):  # the last first: the larger arrays get the longer rows
        shape = g.shape[: g.ndim - d + i] + (axis[0],) + g.shape[g.ndim - d + i + 1 :]
        g = _window_spread(g, gx if i == 0 else empty(shape, gx), axis, d - 1 - i)


def _window_spread(g, out, axis, after):
    """The adjoint of `_window_sum`: out[o * stride - padding + k] += g[o] for each offset k."""
    size, output, kernel, stride, padding, _ = axis
    tail = (slice(None),) * after
    apart = stride >= kernel
    if not (apart and padding == 0 and stride == kernel and size == output * kernel):
        out.fill(0)
    for outputs, inputs in axis_ranges(*axis):
        target, source = out[(..., inputs, *tail)], g[(..., outputs, *tail)]
        if apart:
            np.copyto(target, source)
        else:
            np.add(target, source, out=target)
    return out
