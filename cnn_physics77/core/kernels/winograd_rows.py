"""Winograd convolution along rows alone, F(m x 1, r x 1), stride 1: few copies, one pass each way.

Of an r x s kernel, the r taps above one another go by Winograd's algorithm with the matrices of `toom_cook`,
and the s taps beside one another are summed by the matrix product. For a strip d of t = m + r - 1 rows of the
image, with w_j the column j of the kernel,

    y[:, o] = A^T [ sum over j of (G w_j) * (B^T d)[:, o + j] ]                     forward
    dw_j    = G^T [ sum over strips and o of (A g)[:, o] * (B^T d)[:, o + j] ]      weight gradient

Summed over channels, each of the t rows is a matrix product, (pixels x s C) @ (s C x K), with t / (r m) of
the multiplications of the plain algorithm. The input gradient is the forward map of g with the kernel turned
by half a turn and its channels exchanged, at padding r - 1 - p.

In two dimensions (`winograd`) the products are fewer, but every number is transformed twice and copied
twice. Here rows of channels-last images, W C numbers long, are read and written where they are: B^T turns t
of them into t rows of ``tiles``, A^T turns t rows of ``products`` into m rows of the result, and nothing else
is moved. Neighbouring pixels of a row of tiles are s C numbers side by side, so the windows need no copy
either.

    tiles    (t, samples * strips, W + s - 1, C)    with zeros at both ends of a row
    products (t, samples * strips, W, K)        for each t and each column, one matrix product

Error in float32: root mean square over the standard deviation of the result, forward map and input gradient;
in brackets the weight gradient (normal data, AVX2 machine):

                  C = 32, 28x28        C = 64, 14x14        C = 256, 14x14
    F(4x1)      3.7e-7 (6.0e-7)      5.1e-7 (5.7e-7)      6.1e-7 (5.8e-7)
    F(5x1)      5.6e-7 (8.7e-7)      7.6e-7 (7.1e-7)      9.1e-7 (7.2e-7)
    F(6x1)      7.8e-7 (1.3e-6)      1.1e-6 (1.0e-6)      1.3e-6 (1.1e-6)
    F(7x1)      1.2e-6 (2.0e-6)      1.7e-6 (1.9e-6)      1.6e-6 (1.5e-6)
    F(8x1)      1.8e-6 (3.0e-6)      2.4e-6 (2.7e-6)      2.3e-6 (2.1e-6)
    im2col      2.8e-7 (2.9e-7)      2.9e-7 (2.4e-7)      3.1e-7 (2.4e-7)
    torch 2.13  3.0e-7 (9.7e-7)      4.1e-7 (4.8e-7)      8.3e-7 (4.8e-7)

With kernels of 5 rows t decides as well: F(4x1), F(5x1) and F(6x1) have 9.4e-7, 1.4e-6 and 2.1e-6 at C = 32
and 28x28 (1.2e-6, 1.8e-6, 2.7e-6).
"""

from math import ceil

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnn_physics77.core.kernels.blocks import cut, items
from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.products import matmul
from cnn_physics77.core.kernels.scratch import scratch
from cnn_physics77.core.kernels.threads import parallel_for
from cnn_physics77.core.kernels.toom_cook import matrices
from cnn_physics77.core.kernels.windows import Size

LEAST_ROWS = 48  # of a product: below, BLAS's reordering of the kernel takes most of the time
MOST_PARTIAL_SUMS = 8  # of a weight gradient, each over its own blocks, added in order
PARTIAL_BYTES = 1 << 23  # of all of them together, where two are not already more


def forward(
    x: np.ndarray, weight: np.ndarray, geometry: Geometry, bias: np.ndarray | None, m: int
) -> np.ndarray:
    """``y`` (N, K, H, W) in channels-last memory, by F(m x 1, r x 1)."""
    kernel = _transformed(weight.transpose(2, 3, 1, 0), m)
    q = geometry
    return _correlate(x, kernel, q.output_size, q.kernel_size, q.padding, bias, m)


def input_gradient(g: np.ndarray, weight: np.ndarray, geometry: Geometry, m: int) -> np.ndarray:
    """The gradient (N, C, H, W) in channels-last memory; the padding is less than the kernel."""
    kernel = _transformed(weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1), m)
    padding = tuple(k - 1 - p for k, p in zip(geometry.kernel_size, geometry.padding))
    return _correlate(g, kernel, geometry.input_size, geometry.kernel_size, padding, None, m)


def weight_gradient(g: np.ndarray, x: np.ndarray, geometry: Geometry, m: int) -> np.ndarray:
    """The gradient (K, C, *kernel_size)."""
    channels, out_channels, dtype = geometry.in_channels, geometry.out_channels, x.dtype
    tall, wide = geometry.kernel_size
    plan = Plan(x, out_channels, geometry.output_size, geometry.kernel_size, geometry.padding, m)
    t = plan.t
    a_t, g_matrix, _ = matrices(m, dtype, tall)
    gradients = g.transpose(0, 2, 3, 1)
    each = t * wide * out_channels * channels * x.itemsize
    count = min(len(plan.blocks), max(2, min(MOST_PARTIAL_SUMS, PARTIAL_BYTES // each)))
    partial = np.zeros((count, t, wide, out_channels, channels), dtype)

    def partial_sum(index: int) -> None:
        for block in plan.blocks[index::count]:
            tiles = plan.input_tiles(block)
            length = tiles.shape[1] * plan.width
            # The gradient's rows get zeros at the end, to be as long as those of the tiles: then all are one
            # long row, and tap j is the same row of tiles, begun j pixels later.
            outer = scratch("winograd products", (t, tiles.shape[1], plan.width, out_channels), dtype)
            outer[:, :, plan.width - wide + 1 :] = 0
            samples, strips = block
            rows = _pixel_rows(gradients[samples], "winograd gradient")
            outer_tiles = outer.reshape(t, len(rows), -1, plan.width * out_channels)
            _to_tiles(
                a_t.T, rows, strips.start * m, m, outer_tiles[..., : rows.shape[2]].transpose(1, 2, 0, 3)
            )
            step, pixel = tiles.strides[0], tiles.strides[2]
            shifted = as_strided(tiles, (t, wide, length, channels), (step, pixel, pixel, dtype.itemsize))
            outer = outer.reshape(t, 1, length, out_channels)
            partial[index] += np.matmul(outer.transpose(0, 1, 3, 2), shifted)

    parallel_for(partial_sum, count, g.size * channels / 1e4)
    whole = partial.sum(axis=0).reshape(t, -1)
    taps = matmul(g_matrix.T, whole).reshape(tall, wide, out_channels, channels)
    return np.ascontiguousarray(taps.transpose(2, 3, 0, 1))


def _transformed(kernel: np.ndarray, m: int) -> np.ndarray:
    """``G`` along the rows of a kernel (height, width, C, K): (t, 1, width * C, K)."""
    tall, wide, channels, out_channels = kernel.shape
    g = matrices(m, kernel.dtype, tall)[1]
    return matmul(g, kernel.reshape(tall, -1)).reshape(-1, 1, wide * channels, out_channels)


def blocks(
    batch: int, output_size: Size, kernel_size: Size, channels: int, m: int, itemsize: int
) -> list[tuple[slice, slice]]:
    """The samples and strips of each block; ``channels`` is the larger number of the two images."""
    strips = ceil(output_size[0] / m)
    row_bytes = (m + kernel_size[0] - 1) * (output_size[1] + kernel_size[1] - 1) * channels * itemsize
    return cut(batch, strips, row_bytes, ceil(LEAST_ROWS / strips))


class Plan:
    """How one map is cut into blocks of samples and strips of m rows, and the tiles of one block."""

    def __init__(
        self,
        x: np.ndarray,
        out_channels: int,
        output_size: Size,
        kernel_size: Size,
        padding: Size,
        m: int,
    ) -> None:
        batch, self.channels = x.shape[:2]
        self.images = x.transpose(0, 2, 3, 1)
        self.kernel_size, self.padding, self.m = kernel_size, padding, m
        self.t = m + kernel_size[0] - 1
        self.width = output_size[1] + kernel_size[1] - 1  # of a row of tiles
        most = max(self.channels, out_channels)
        self.blocks = blocks(batch, output_size, kernel_size, most, m, x.itemsize)

    def input_tiles(self, block: tuple[slice, slice]) -> np.ndarray:
        """``B^T d`` of the strips of one block, (t, samples * strips, width, C), and zeros behind it."""
        samples, strips = block
        rows = _pixel_rows(self.images[samples], "winograd rows")
        dtype, channels = rows.dtype, self.channels
        height = strips.stop - strips.start
        strip_count = len(rows) * height
        shape = (self.t, strip_count, self.width, channels)
        tiles = _planes("winograd tiles", shape, self.kernel_size[1] - 1, dtype)
        strides = tiles.strides
        left, inside = self.padding[1], min(rows.shape[2] // channels, self.width - self.padding[1])
        tiles[:, :, :left] = 0
        tiles[:, :, left + inside :] = 0
        target = as_strided(
            tiles[:, :, left:],
            (len(rows), height, self.t, inside * channels),
            (height * strides[1], strides[1], strides[0], dtype.itemsize),
        )
        b_t = matrices(self.m, dtype, self.kernel_size[0])[2]
        first = strips.start * self.m - self.padding[0]
        _to_tiles(b_t, rows[..., : inside * channels], first, self.m, target)
        return tiles


def _correlate(
    x: np.ndarray,
    kernel: np.ndarray,
    output_size: Size,
    kernel_size: Size,
    padding: Size,
    bias: np.ndarray | None,
    m: int,
) -> np.ndarray:
    """``x`` (N, C, H, W) with a transformed kernel (t, 1, width * C, K): the output (N, K, *output_size)."""
    batch, channels = x.shape[:2]
    out_channels = kernel.shape[3]
    columns = output_size[1]
    a_t = matrices(m, x.dtype, kernel_size[0])[0]
    y = np.empty((batch, *output_size, out_channels), x.dtype)
    plan = Plan(x, out_channels, output_size, kernel_size, padding, m)
    if bias is not None:
        bias = np.tile(bias, columns)  # a long row: a broadcast over a short one is slow

    def block(index: int) -> None:
        samples, strips = plan.blocks[index]
        tiles = plan.input_tiles(plan.blocks[index])
        step, row, pixel = tiles.strides[:3]
        shape = (plan.t, columns, tiles.shape[1], kernel_size[1] * channels)
        windows = as_strided(tiles, shape, (step, pixel, row, x.itemsize))
        shape = (plan.t, tiles.shape[1], columns, out_channels)
        products = _planes("winograd products", shape, 2, x.dtype)
        np.matmul(windows, kernel, out=products.transpose(0, 2, 1, 3))
        part = y[samples, strips.start * m : strips.stop * m]
        rows = part.reshape(*part.shape[:2], -1)  # joins axes: a view
        plane, row = products.strides[:2]
        height = strips.stop - strips.start
        transposed = as_strided(
            products,
            (len(rows), height, plan.t, rows.shape[2]),
            (height * row, row, plane, x.itemsize),
        )
        _from_tiles(a_t, transposed, rows)
        if bias is not None:
            rows += bias

    parallel_for(block, len(plan.blocks), y.size * channels / 1e4)
    return y.transpose(0, 3, 1, 2)


def _planes(name: str, shape: tuple[int, int, int, int], behind: int, dtype: np.dtype) -> np.ndarray:
    """Scratch memory (t, strips, width, channels), each of its t planes followed by so many pixels of zeros.

    Planes a multiple of 4096 bytes apart would compete for the same lines of the first-level cache.
    """
    t, strips, width, channels = shape
    memory = scratch(name, (t, strips * width + behind, channels), dtype)
    memory[:, strips * width :] = 0
    plane, pixel, item = memory.strides
    return np.ndarray(shape, dtype, memory, 0, (plane, width * pixel, pixel, item))


def _pixel_rows(images: np.ndarray, name: str) -> np.ndarray:
    """``images`` (samples, H, W, C) as rows (samples, H, W * C): a view, or a copy in scratch memory."""
    samples, height, width, channels = images.shape
    if images.strides[2:] == (channels * images.itemsize, images.itemsize):
        shape = (samples, height, width * channels)
        return as_strided(images, shape, (*images.strides[:2], images.itemsize))
    copy = scratch(name, images.shape, images.dtype)
    if images.strides[3] == images.itemsize:
        items(copy)[...] = items(images)
    else:
        copy[...] = images
    return copy.reshape(samples, height, -1)


def _to_tiles(matrix: np.ndarray, rows: np.ndarray, first: int, m: int, tiles: np.ndarray) -> None:
    """``tiles[n, r] = matrix @ d`` with d the rows of sample n from ``first + r m`` on, zero outside of it.

    matrix (t, u), rows (samples, H, L), tiles (samples, strips, t, L).
    """
    samples, height, length = rows.shape
    span = matrix.shape[1]
    strips = tiles.shape[1]
    begin = min(strips, max(0, ceil(-first / m)))  # strips whose rows all lie inside: begin to end
    end = max(begin, min(strips, (height - span - first) // m + 1))
    if end > begin:
        step, row, item = rows.strides
        inside = as_strided(
            rows[:, first + begin * m :], (samples, end - begin, span, length), (step, m * row, row, item)
        )
        np.matmul(matrix, inside, out=tiles[:, begin:end])
    for strip in (*range(begin), *range(end, strips)):
        top = first + strip * m
        low, high = max(0, top), min(height, top + span)
        if low < high:
            np.matmul(matrix[:, low - top : high - top], rows[:, low:high], out=tiles[:, strip])
        else:
            tiles[:, strip] = 0


def _from_tiles(matrix: np.ndarray, tiles: np.ndarray, rows: np.ndarray) -> None:
    """``rows[n, r m : (r + 1) m] = matrix @ tiles[n, r]``, cut where the rows end.

    matrix (m, t), tiles (samples, strips, t, L), rows (samples, H, L).
    """
    m = len(matrix)
    samples, height, length = rows.shape
    whole, rest = divmod(height, m)
    step, row, item = rows.strides
    if whole:
        strips = as_strided(rows, (samples, whole, m, length), (step, m * row, row, item))
        np.matmul(matrix, tiles[:, :whole], out=strips)
    if rest:
        np.matmul(matrix[:rest], tiles[:, whole], out=rows[:, whole * m :])
