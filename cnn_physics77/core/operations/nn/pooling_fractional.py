"""Fractional max-pooling: windows at pseudo-random places (B. Graham, arXiv:1412.6071)."""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.arguments import batched, check_tensors, per_dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.draws import uniform
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.pooling import scatter_add_at
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="fractional_max_pool", extras=("indices",))
def _fractional_max_pool(x, samples, *, kernel_size, output_size):
    """y[o] = max over window o; and the winner's row-major index in its plane"""
    d = len(kernel_size)
    planes, size = x.shape[:-d], x.shape[-d:]
    # in each plane, the row-major index of every element of every window: (*planes, *output, *kernel)
    index: np.ndarray | int = 0
    for axis, (n, m, k) in enumerate(zip(size, output_size, kernel_size)):
        u = samples[..., axis if d == 3 else d - 1 - axis]
        places = _starts(u, n, m, k)[..., None] + np.arange(k)
        shape = [1] * (2 * d)
        shape[axis], shape[d + axis] = m, k
        index = index * n + places.reshape(*planes, *shape)
    index = np.broadcast_to(index, (*planes, *output_size, *kernel_size))
    count = prod(kernel_size)
    flat = index.reshape(*planes, prod(output_size) * count)
    values = np.take_along_axis(x.reshape(*planes, prod(size)), flat, -1)
    values = values.reshape(*planes, *output_size, count)
    # the first of equal values wins; NaN wins over everything, and the last of several NaN
    best = values.argmax(axis=-1)
    nan = np.isnan(values)
    best = np.where(nan.any(axis=-1), count - 1 - nan[..., ::-1].argmax(axis=-1), best)[..., None]
    winners = np.take_along_axis(flat.reshape(values.shape), best, -1)[..., 0]
    return np.take_along_axis(values, best, -1)[..., 0], winners.astype(np.int64)


@_fractional_max_pool.derivative("x")
def _(g, indices, x_shape, kernel_size):
    return scatter_add_at(g, indices, x_shape, len(kernel_size))


def _starts(u: np.ndarray, n: int, m: int, k: int) -> np.ndarray:
    """Where the m windows of size k over n elements begin, for each u."""
    ratio = (n - k) / (m - 1) if m > 1 else 0.0
    u = u[..., None]
    starts = ((np.arange(m) + u) * ratio).astype(np.int64) - (u * ratio).astype(np.int64)
    starts[..., -1] = n - k
    return starts


def fractional_max_pool2d(
    input: Tensor,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    r"""The largest value of each of a given number of windows, which begin at pseudo-random places.

    In each plane and dimension, of size n, a random u in [0, 1) places window i of m, of size k, at

    .. math:: \lfloor (i + u) \alpha \rfloor - \lfloor u \alpha \rfloor, \qquad \alpha = \frac{n - k}{m - 1}

    and the last one at n - k (B. Graham, arXiv:1412.6071). Ties and NaN are as for :func:`max_pool2d`.

    Args:
        input: (N, C, H, W) or (C, H, W), real and floating.
        kernel_size: k; an int or one per spatial dimension.
        output_size: m; an int or one per spatial dimension.
        output_ratio: m / n instead, in (0, 1).
        return_indices: also give the places that won, row-major in the plane, int64.
        _random_samples: u, (N, C, 2): for the last dimension and for the one before; None draws them from the
            default generator.

    Returns:
        (N, C, *output_size), of the same dtype; with return_indices the indices too.

    Raises:
        ArgumentError: neither output_size nor output_ratio.
        ShapeError: sizes that do not fit.
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> _ = torch.manual_seed(0)
    >>> y = torch.nn.functional.fractional_max_pool2d(torch.rand(1, 3, 9, 9), 2, output_ratio=0.7)
    >>> y.shape
    torch.Size([1, 3, 6, 6])
    """
    return _pool(
        "fractional_max_pool2d",
        2,
        input,
        kernel_size,
        output_size,
        output_ratio,
        return_indices,
        _random_samples,
    )


def fractional_max_pool3d(
    input: Tensor,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """The same over three dimensions: see :func:`fractional_max_pool2d`.

    Input (N, C, D, H, W) or (C, D, H, W); ``_random_samples``, (N, C, 3), are in the order of the dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.nn.functional.fractional_max_pool3d(torch.rand(1, 5, 5, 5), 2, output_size=3).shape
    torch.Size([1, 3, 3, 3])
    """
    return _pool(
        "fractional_max_pool3d",
        3,
        input,
        kernel_size,
        output_size,
        output_ratio,
        return_indices,
        _random_samples,
    )


def _pool(function, d, input, kernel_size, output_size, output_ratio, return_indices, samples):
    check_tensors(function, input, samples, kinds="f")
    with_batch = batched(function, input, d)
    size = input.array.shape[-d:]
    kernel_size = per_dimension(function, "kernel_size", kernel_size, d)
    if output_size is None:
        if output_ratio is None:
            raise ArgumentError(f"{function}: requires specifying either an output_size or an output_ratio")
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * d
        if len(ratios) != d:
            raise ArgumentError(
                f"{function}: expected output_ratio to be a number or {d}, found {output_ratio!r}"
            )
        output_size = tuple(int(n * r) for n, r in zip(size, ratios))
    output_size = per_dimension(function, "output_size", output_size, d)
    if any(m < 1 or k < 1 or m + k - 1 > n for n, m, k in zip(size, output_size, kernel_size)):
        raise ShapeError(
            f"{function}: expected output_size + kernel_size - 1 to be at most the input size, and both to "
            f"be at least 1, found output_size {output_size} and kernel_size {kernel_size}, too large "
            f"relative to input {size}"
        )
    planes = input.array.shape[:-d]
    expected = (*(planes if with_batch else (1, *planes)), d)
    if samples is None:
        samples = from_array(uniform(default_generator.numpy, expected, input.array.dtype))
    elif samples.array.shape != expected and (with_batch or samples.array.shape[1:] != expected[1:]):
        raise ShapeError(f"{function}: expected _random_samples {expected}, found {samples.array.shape}")
    samples = from_array(samples.array[: expected[0]].reshape(*planes, d))
    y, indices = _fractional_max_pool(input, samples, kernel_size=kernel_size, output_size=output_size)
    return (y, indices) if return_indices else y


__all__ = ["fractional_max_pool2d", "fractional_max_pool3d"]
complete_late(__name__)
