"""The sizes of pooling.

Shapes: x is (..., *input_size), the result is (..., *output_size); the leading axes, usually (N, C), are
free. The last ``len(kernel_size)`` axes are spatial. With o the output's index, k the offset in the window
and p the input's index,

    p = o * stride - padding + k * dilation      along each spatial axis,

An offset that falls outside the input does not exist: it is neither a candidate for the maximum nor a term of
the sum. All of pooling is a loop over the few offsets k, with one operation on strided views of all windows
for each.
"""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.windows import Size


def pool_output_size(
    input_size: Size,
    kernel_size: Size,
    stride: Size,
    padding: Size,
    dilation: Size | None = None,
    ceil_mode: bool = False,
    *,
    name: str = "pooling",
) -> Size:
    """floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 along each axis.

    With ceil_mode the quotient is rounded up, and a last window that would start in the right padding is
    dropped.

    Raises ShapeError where an argument has the wrong length or sign, where the padding exceeds half of the
    kernel, or where no window fits (PyTorch's conditions).

    >>> pool_output_size((28, 5), (2, 2), (2, 2), (0, 0))
    (14, 2)
    >>> pool_output_size((28, 5), (2, 2), (2, 2), (0, 0), ceil_mode=True)
    (14, 3)
    """
    d = len(kernel_size)
    dilation = (1,) * d if dilation is None else dilation
    if not len(input_size) == len(stride) == len(padding) == len(dilation) == d:
        raise ShapeError(
            f"{name}: expected one kernel size, stride, padding and dilation per spatial axis, found input "
            f"{tuple(input_size)}, kernel_size {kernel_size}, stride {stride}, padding {padding}, "
            f"dilation {dilation}; give {len(input_size)} of each"
        )
    output = []
    for size, k, s, p, e in zip(input_size, kernel_size, stride, padding, dilation):
        if k <= 0 or s <= 0 or e <= 0 or p < 0:
            raise ShapeError(
                f"{name}: expected kernel size, stride and dilation > 0 and padding >= 0, found kernel_size "
                f"{kernel_size}, stride {stride}, padding {padding}, dilation {dilation}; correct the sign"
            )
        if p > k // 2:
            raise ShapeError(
                f"{name}: pad should be at most half of the kernel size, found padding {padding} and "
                f"kernel_size {kernel_size}; lower the padding, or pad the input first"
            )
        n = (size + 2 * p - e * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (n - 1) * s >= size + p:
            n -= 1
        if size <= 0 or n <= 0:
            raise ShapeError(
                f"{name}: expected at least one window in the input, found input {tuple(input_size)} with "
                f"kernel_size {kernel_size}, stride {stride}, padding {padding}, dilation {dilation}: the "
                f"output is too small; use a larger input or a smaller kernel"
            )
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
