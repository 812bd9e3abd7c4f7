"""The sizes of pooling.

Shapes: x is (..., *input_size), the result is (..., *output_size); the leading axes, usually (N, C), are
free. The last ``len(kernel_size)`` axes are spatial. With o the output's index, k the offset in the window
and p the input's index,

    p = o * stride - padding + k * dilation      along each spatial axis,

An offset that falls outside the input does not exist: it is neither a candidate for the maximum nor a term of
the sum. All of pooling is a loop over the few offsets k, with one operation on strided views of all windows
for each.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.runtime.tiling import for_blocks
from cnn_physics77.core.kernels.windows import Size


def pool_output_size(
    input_size: Size,
    kernel_size: Size,
    stride: Size,
    padding: Size,
    dilation: Size | None = None,
    ceil_mode: bool = False,
) -> Size:
    """floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 along each axis.

    With ceil_mode the quotient is rounded up, and a last window that would start in the right padding is
    dropped. A result below 1 says that no window fits.

    >>> pool_output_size((28, 5), (2, 2), (2, 2), (0, 0))
    (14, 2)
    >>> pool_output_size((28, 5), (2, 2), (2, 2), (0, 0), ceil_mode=True)
    (14, 3)
    """
    d = len(kernel_size)
    dilation = (1,) * d if dilation is None else dilation
    output = []
    for size, k, s, p, e in zip(input_size, kernel_size, stride, padding, dilation):
        n = (size + 2 * p - e * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (n - 1) * s >= size + p:
            n -= 1
        output.append(n)
    return tuple(output)


def split_shape(x: np.ndarray, d: int, name: str) -> tuple[Size, Size]:
    """The leading sizes of ``x`` and its last ``d`` sizes.

    Raises:
        ShapeError: it has fewer dimensions.
    """
    if x.ndim < d:
        raise ShapeError(f"{name}: expected an array of at least {d} dimensions, found shape {x.shape}")
    return x.shape[: x.ndim - d], x.shape[x.ndim - d :]


def for_samples(block: Callable[[Any], object], large: np.ndarray, d: int, microseconds: float) -> None:
    """Call ``block`` with slices of the first axis, in parallel if that is faster; with ``...`` if all ``d``
    axes are spatial. ``large`` is the largest of the arrays, ``microseconds`` the time in one thread."""
    if large.ndim == d:
        block(...)
    else:
        for_blocks(block, len(large), large.nbytes // len(large), microseconds)
