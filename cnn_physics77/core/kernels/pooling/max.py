"""Max pooling, its gradient as a scatter, and the adjoint of that as a gather.

Results lie in memory in the order of the input (channels-last stays channels-last).
"""

from functools import lru_cache

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.pooling.shapes import for_samples, pool_output_size, split_shape
from cnn_physics77.core.kernels.runtime.layout import empty, in_order_of, scratch_like
from cnn_physics77.core.kernels.windows import Size, window_ranges


def max_pool(
    x: np.ndarray,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size | None = None,
    dilation: Size | None = None,
    ceil_mode: bool = False,
    *,
    with_positions: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """y[o] = max over k of x[o * stride - padding + k * dilation], and the offset k of the winner.

    x: (..., *input_size), floating or integer. Returns y (..., *output_size) of x's dtype, and `positions` of
    the same shape: the row-major offset of the winner inside its window, uint8 where the kernel has at most
    256 elements; None without `with_positions`, which is cheaper. The first of equal values wins; a NaN wins
    over everything, and the last of several NaN (PyTorch's convention). Padding never wins.

    >>> y, positions = max_pool(np.array([[1.0, 5.0, 5.0, 2.0]]), (2,))
    >>> y, positions
    (array([[5., 5.]]), array([[1, 0]], dtype=uint8))
    """
    d = len(kernel_size)
    stride, padding, dilation = stride or kernel_size, padding or (0,) * d, dilation or (1,) * d
    lead, size = split_shape(x, d, "max_pool")
    output = pool_output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    ranges = window_ranges(size, output, kernel_size, stride, padding, dilation)
    y = empty(lead + output, x)
    positions = None
    if with_positions:
        positions = empty(y.shape, x, np.min_scalar_type(len(ranges) - 1))
    if y.size == 0:
        return y, positions
    first = _first_offsets(output, kernel_size, stride, padding, dilation) if any(padding) else 0

    def block(b) -> None:
        if positions is None:
            _largest(x[b], y[b], ranges)
        else:
            _max_block(x[b], y[b], positions[b], ranges, first)

    for_samples(block, x, d, y.size * len(ranges) * 5e-4)
    return y, positions


def _fill(y):
    y.fill(-np.inf if y.dtype.kind == "f" else np.iinfo(y.dtype).min)


def _largest(x, y, ranges):
    _fill(y)
    for outputs, inputs in ranges:
        np.maximum(y[outputs], x[inputs], out=y[outputs])


def _max_block(x, y, positions, ranges, first):
    values = scratch_like("max_pool.values", y, y.dtype)
    better = scratch_like("max_pool.better", positions, bool)
    winner = scratch_like("max_pool.winner", positions, positions.dtype)
    done = 0
    if ranges[0][0] is ...:  # the first offset exists in all windows
        np.copyto(y, x[ranges[0][1]])
        positions.fill(0)
        done = 1
    else:
        _fill(y)
        positions[...] = first
    for k, (outputs, inputs) in enumerate(ranges[done:], done):
        v, best = values[outputs], y[outputs]
        np.copyto(v, x[inputs])  # short runs or single elements: reading them once is faster than twice
        now = np.greater(v, best, out=better[outputs])
        np.maximum(best, v, out=best)
        # k grows, so a new winner's offset is the largest so far
        np.multiply(now.view(np.uint8), winner.dtype.type(k), out=winner[outputs])
        np.maximum(positions[outputs], winner[outputs], out=positions[outputs])
    _mark_nan(x, y, positions, ranges)


def _mark_nan(x, y, positions, ranges):
    """Mark the last NaN of each window: y holds it, as np.maximum propagates NaN; comparisons miss it."""
    if y.dtype.kind == "f" and np.isnan(y.min()):
        for k, (outputs, inputs) in enumerate(ranges):
            np.copyto(positions[outputs], k, where=np.isnan(x[inputs]))


@lru_cache(maxsize=256)
def _first_offsets(output: Size, kernel: Size, stride: Size, padding: Size, dilation: Size) -> np.ndarray:
    """The row-major offset of each window's first element inside the input, which wins if all are -inf."""
    result = np.zeros((), np.int64)
    for n, k, s, p, e in zip(output, kernel, stride, padding, dilation):
        first = np.clip(-(-(p - np.arange(n) * s) // e), 0, k - 1)
        result = result[..., None] * k + first
    result.setflags(write=False)
    return result


def max_pool_scatter(
    g: np.ndarray,
    positions: np.ndarray,
    input_size: Size,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size | None = None,
    dilation: Size | None = None,
) -> np.ndarray:
    """The gradient of max pooling: each g is added to the element that won its window.

    g: (..., *output_size), floating; positions as `max_pool` returned them. Returns (..., *input_size).

    >>> max_pool_scatter(np.array([[7.0, 8.0]]), np.array([[1, 0]], np.uint8), (4,), (2,))
    array([[0., 7., 8., 0.]])
    """
    d = len(kernel_size)
    stride, padding, dilation = stride or kernel_size, padding or (0,) * d, dilation or (1,) * d
    _check_positions("max_pool_scatter", g.shape, positions)
    lead, output = split_shape(g, d, "max_pool_scatter")
    ranges = window_ranges(tuple(input_size), output, kernel_size, stride, padding, dilation)
    gx = empty(lead + tuple(input_size), positions, g.dtype)
    # disjoint: no element lies in two windows; tiled: each element lies in exactly one
    disjoint = all(s > e * (k - 1) for k, s, e in zip(kernel_size, stride, dilation))
    tiled = kernel_size == stride and not any(padding) and dilation == (1,) * d
    tiled = tiled and all(n == o * k for n, o, k in zip(input_size, output, kernel_size))
    if g.size == 0:
        gx.fill(0)
        return gx

    def block(b) -> None:
        _scatter_block(g[b], positions[b], gx[b], ranges, disjoint, tiled)

    for_samples(block, gx, d, g.size * len(ranges) * 5e-4)
    return gx


def _scatter_block(g, positions, gx, ranges, disjoint, tiled):
    g = in_order_of(g, positions)
    if not tiled:
        gx.fill(0)
    mask = scratch_like("max_pool.mask", positions, np.int8)
    bits, gx_bits = _bits(g), _bits(gx)
    share = g if disjoint else scratch_like("max_pool.share", positions, g.dtype)
    for k, (outputs, inputs) in enumerate(ranges):
        chosen = _mask(positions[outputs], k, mask[outputs])
        if disjoint:
            np.bitwise_and(bits[outputs], chosen, out=gx_bits[inputs])
        else:
            np.bitwise_and(bits[outputs], chosen, out=_bits(share[outputs]))
            gx[inputs] += share[outputs]


def _bits(x: np.ndarray) -> np.ndarray:
    """The same memory read as integers, so that & with 0 or -1 selects values, infinite and NaN too."""
    return x.view(f"i{x.itemsize}")


def _mask(positions: np.ndarray, k: int, out: np.ndarray) -> np.ndarray:
    """-1 (all bits set) where the winner is k, else 0."""
    np.equal(positions, positions.dtype.type(k), out=out.view(bool))
    return np.negative(out, out=out)


def max_pool_gather(
    v: np.ndarray,
    positions: np.ndarray,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size | None = None,
    dilation: Size | None = None,
) -> np.ndarray:
    """The adjoint of `max_pool_scatter`: the element at the winner's place in each window.

    v: (..., *input_size), floating; positions (..., *output_size). Returns (..., *output_size).

    >>> max_pool_gather(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[1, 0]], np.uint8), (2,))
    array([[2., 3.]])
    """
    d = len(kernel_size)
    stride, padding, dilation = stride or kernel_size, padding or (0,) * d, dilation or (1,) * d
    lead, size = split_shape(v, d, "max_pool_gather")
    output = positions.shape[positions.ndim - d :]
    _check_positions("max_pool_gather", lead + output, positions)
    ranges = window_ranges(size, output, kernel_size, stride, padding, dilation)
    y = np.empty_like(positions, dtype=v.dtype)
    if y.size == 0:
        return y

    def block(b) -> None:
        _gather_block(v[b], positions[b], y[b], ranges)

    for_samples(block, v, d, y.size * len(ranges) * 5e-4)
    return y


def _gather_block(v, positions, y, ranges):
    mask = scratch_like("max_pool.mask", positions, np.int8)
    chosen = scratch_like("max_pool.chosen", y, y.dtype)
    y.fill(0)
    bits, y_bits, chosen_bits = _bits(v), _bits(y), _bits(chosen)
    for k, (outputs, inputs) in enumerate(ranges):
        np.bitwise_and(bits[inputs], _mask(positions[outputs], k, mask[outputs]), out=chosen_bits[outputs])
        np.bitwise_or(y_bits[outputs], chosen_bits[outputs], out=y_bits[outputs])


def _check_positions(name: str, expected: Size, positions: np.ndarray) -> None:
    if positions.shape != expected:
        raise ShapeError(
            f"{name}: expected positions of shape {expected}, found {positions.shape}; "
            "pass those that max_pool returned for the same input and window"
        )


def flat_indices(
    positions: np.ndarray,
    input_size: Size,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size | None = None,
    dilation: Size | None = None,
) -> np.ndarray:
    """The winners as PyTorch's return_indices: int64 row-major indices into the input's spatial plane.

    >>> flat_indices(np.array([[1, 0]], np.uint8), (4,), (2,))
    array([[1, 2]])
    """
    d = len(kernel_size)
    stride, padding, dilation = stride or kernel_size, padding or (0,) * d, dilation or (1,) * d
    index = np.zeros_like(positions, dtype=np.int64)
    left = positions.astype(np.int64)
    scale = 1
    for i in reversed(range(d)):
        left, k = np.divmod(left, kernel_size[i])
        start = np.arange(positions.shape[positions.ndim - d + i]) * stride[i] - padding[i]
        start = start.reshape(-1, *(1,) * (d - 1 - i))
        index += (k * dilation[i] + start) * scale
        scale *= input_size[i]
    return index
