"""Winograd convolution F(m x m, 3 x 3), stride 1, as a few large batched matrix products.

An output tile of m x m pixels comes from an input tile d of t x t pixels, t = m + 2. With the matrices of
`toom_cook`, for each pair of channels

    y  = A^T [ (G w G^T) * (B^T d B) ] A                      forward
    dw = G^T [ sum over tiles of (A g A^T) * (B^T d B) ] G    weight gradient

Summed over channels, each of the t^2 entries of a tile is a matrix product of its own, (tiles x C) @ (C x K),
with (t / m)^2 / 9 of the multiplications of im2col. The input gradient is the forward map of g
with the kernel turned by half a turn and its channels exchanged, at padding 2 - p.

A block of samples is processed in strips of tile rows whose arrays stay in the cache of one core:

    padded   (rows, columns, sample, C)          a zero-padded copy of the strip
    half     (tile row, t, columns, sample, C)   B^T along rows: one product on an overlapping view
    tiles    (t, t, tile row, tile column, sample, C)   B^T along columns: the same
    products (t, t, tile row, tile column, sample, K)   t^2 products with the transformed kernel
    outputs  (m, m, tile row, tile column, sample, K)   A^T along rows, then along columns

Error in float32: root mean square over the standard deviation of the result, forward map and input gradient;
in brackets the weight gradient (normal data, AVX2 machine):

                C = 32, 28x28        C = 64, 14x14        C = 256, 14x14
    F(2x2)      2.0e-7 (3.9e-7)      2.6e-7 (3.1e-7)      5.0e-7 (3.2e-7)
    F(4x4)      5.7e-7 (8.4e-7)      7.3e-7 (5.9e-7)      1.4e-6 (6.0e-7)
    F(5x5)      1.2e-6 (1.5e-6)      1.5e-6 (1.0e-6)      2.7e-6 (1.0e-6)
    F(6x6)      2.4e-6 (2.8e-6)      3.1e-6 (2.3e-6)      5.9e-6 (2.3e-6)
    im2col      2.8e-7 (2.9e-7)      2.9e-7 (2.4e-7)      3.1e-7 (2.4e-7)
    torch 2.13  3.0e-7 (9.7e-7)      4.1e-7 (4.8e-7)      8.3e-7 (4.8e-7)

These are the errors for values of one range. An outlier raises that of its whole tile, and an infinity makes
NaN of it, so pieces whose values differ too much are computed by the exact product (see `dynamic_range`).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from math import ceil, prod

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.convolution import im2col_nhwc
from cnn_physics77.core.kernels.convolution.algorithm import (
    INPUT_GRADIENT,
    SCREENED_CALLS,
    WEIGHT_GRADIENT,
    Algorithm,
    Problem,
    product_time,
)
from cnn_physics77.core.kernels.convolution.dynamic_range import Screen, channel_counts, telling_planes
from cnn_physics77.core.kernels.convolution.nhwc_windows import NHWCWindows
from cnn_physics77.core.kernels.convolution.screened import (
    ExactPieces,
    Piece,
    rows_of,
    screened_map,
    screened_sum,
)
from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.convolution.toom_cook import matrices
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.layout import contiguous, strided
from cnn_physics77.core.kernels.runtime.parallel import Steps, at_once
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import cut, items

ROW_ELEMENTS = 256  # samples * C is at least this where the batch allows: shorter rows cost more per element
LARGEST_TILE = 5  # of the algorithms that are chosen: beyond, the error is too large
FEW = 8  # channels: with fewer, rows are too short and products too narrow
# Nanoseconds of one core (see `algorithm`): one number of an input tile transformed in both directions, the
# same on the way back, one number of the transformed kernel, and one of the images, which is copied twice.
TRANSFORM, INVERSE, KERNEL, COPY = 0.3, 0.2, 2.0, 1.25
SLOWER_GRADIENT = 1.2  # the weight gradient against the forward map


def forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None, m: int
) -> Steps[np.ndarray]:
    """``y`` (N, K, H, W) in channels-last memory, by F(m x m, 3 x 3)."""
    counts = channel_counts(weight, 1)
    if counts is None:
        return at_once(im2col_nhwc.forward, x, weight, shapes, bias)
    kernel = weight.transpose(2, 3, 1, 0)
    transformed = contiguous(_transformed_kernel(weight, m).transpose(0, 2, 1))  # (t * t, C, K)
    return _correlate(x, kernel, transformed, counts, shapes.output_size, shapes.padding, bias, m)


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, m: int) -> Steps[np.ndarray]:
    """The gradient (N, C, H, W) in channels-last memory; the padding is at most 2."""
    counts = channel_counts(weight, 0)
    if counts is None:
        return at_once(im2col_nhwc.input_gradient, g, weight, shapes)
    kernel = weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
    transformed = _transformed_kernel(weight, m, turned=True)  # (t * t, K, C)
    up, left = shapes.padding
    return _correlate(g, kernel, transformed, counts, shapes.input_size, (2 - up, 2 - left), None, m)


@lru_cache
def _both_directions(m: int, dtype: np.dtype, turned: bool) -> np.ndarray:
    """``G`` along rows and along columns in one matrix, (t * t, 9).

    ``turned``: for kernels turned by half a turn.
    """
    g = matrices(m, dtype)[1]
    return np.kron(g[:, ::-1], g[:, ::-1]) if turned else np.kron(g, g)


def _transformed_kernel(weight: np.ndarray, m: int, turned: bool = False) -> np.ndarray:
    """``G w G^T`` of every pair of channels, (t * t, K, C)."""
    out_channels, in_channels = weight.shape[:2]
    taps = weight.reshape(out_channels * in_channels, 9)
    return matmul(_both_directions(m, weight.dtype, turned), taps.T).reshape(-1, out_channels, in_channels)


class Tiling:
    """The tiles of one map, and its blocks of samples and tile rows."""

    def __init__(
        self, batch: int, channels: int, output_size: tuple[int, ...], m: int, itemsize: int
    ) -> None:
        self.m, self.t = m, m + 2
        self.rows, self.columns = (ceil(n / m) for n in output_size)
        row_bytes = self.t**2 * self.columns * 2 * channels * itemsize  # of tiles and of products
        self.blocks = cut(batch, self.rows, row_bytes, ceil(ROW_ELEMENTS / channels))


def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes, m: int) -> Steps[np.ndarray]:
    """The gradient (K, C, 3, 3)."""
    batch, channels = x.shape[:2]
    out_channels = g.shape[1]
    dtype = x.dtype
    t = m + 2
    a_t = matrices(m, dtype)[0]
    tiling = Tiling(batch, max(channels, out_channels), shapes.output_size, m, x.itemsize)
    pixels, gradient_pixels = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
    images, gradients = items(pixels), items(gradient_pixels)
    windows = NHWCWindows.of(shapes)
    planes = telling_planes(m, 3, dtype)
    image_screen = Screen(pixels, np.ones(channels, dtype), shapes.padding[0], m, t, tiling.blocks, planes)
    planes = telling_planes(m, 3, dtype, of_gradient=True)
    gradient_screen = Screen(gradient_pixels, np.ones(out_channels, dtype), 0, m, m, tiling.blocks, planes)
    both = _both_directions(m, dtype, False)

    @silent
    def add(total: np.ndarray, neighbours: Sequence[Piece]) -> None:
        sums = scratch("winograd sums", (t * t, out_channels, channels), dtype)
        sums[...] = 0
        for piece in neighbours:
            samples, strip = piece
            image = images[samples]
            number = strip.stop - strip.start
            tiles = _input_tiles(image, dtype, channels, tiling, piece, shapes.padding, image_screen)
            length = tiles.shape[1] * out_channels
            shape = (m, m, number, tiling.columns, len(image), out_channels)
            outputs = scratch("winograd outputs", shape, dtype)
            _load(gradients[samples, strip.start * m : strip.stop * m], outputs)
            half = scratch("winograd half", (t, m, length), dtype)
            np.matmul(a_t.T, outputs.reshape(m, m * length), out=half.reshape(t, m * length))
            gradient_screen.look(piece, half.reshape(t, *shape[1:]).transpose(4, 2, 0, 1, 3, 5))
            products = scratch("winograd products", (t, t, length), dtype)
            np.matmul(a_t.T, half, out=products)
            products = products.reshape(t * t, tiles.shape[1], out_channels)
            term = scratch("winograd half", sums.shape, dtype)
            np.matmul(products.transpose(0, 2, 1), tiles, out=term)
            np.add(sums, term, out=sums)
        np.matmul(both.T, sums.reshape(t * t, -1), out=total.reshape(9, -1))

    def add_exactly(total: np.ndarray, neighbours: Sequence[Piece]) -> None:
        taps = total.transpose(1, 0, 2)
        taps[...] = 0
        for samples, strip in neighbours:
            rows = rows_of(strip, m, shapes.output_size[0])
            product = im2col_nhwc.weight_product(gradient_pixels, pixels, windows, samples, rows)
            taps += product.reshape(taps.shape)

    screens, taps_shape = (image_screen, gradient_screen), (9, out_channels, channels)
    microseconds = g.size * channels / 1e4
    taps = yield from screened_sum(screens, add, add_exactly, tiling.blocks, taps_shape, x, microseconds)
    return contiguous(taps.transpose(1, 2, 0)).reshape(out_channels, channels, 3, 3)


def applies(problem: Problem, m: int) -> bool:
    """3x3 kernels, stride and dilation 1, and a padding that the input gradient can turn around."""
    s = problem.shapes
    return (
        problem.is_planar
        and problem.dtype.char in "fd"
        and s.groups == 1
        and s.stride == s.dilation == (1, 1)
        and s.kernel_size == (3, 3)
        and max(s.padding) < 3
    )


def cost(problem: Problem, m: int) -> float:
    s = problem.shapes
    channels = s.in_channels, s.out_channels
    if problem.dtype.char != "f" or min(channels) < FEW or m > LARGEST_TILE:
        return float("inf")
    read, made = channels[::-1] if problem.map == INPUT_GRADIENT else channels
    tiles = s.batch * prod(ceil(n / m) for n in s.output_size)
    each = product_time(1, read, made) + read * TRANSFORM + made * INVERSE
    numbers = (m + 2) ** 2 * (tiles * each + prod(channels) * KERNEL)
    pixels = s.batch * prod(s.output_size)
    time = SCREENED_CALLS + (numbers + pixels * sum(channels) * COPY) / 1e6
    return time * (SLOWER_GRADIENT if problem.map == WEIGHT_GRADIENT else 1)


def _algorithm(m: int) -> Algorithm:
    return Algorithm(
        f"F({m}x{m}, 3x3)",
        partial(applies, m=m),
        partial(cost, m=m),
        partial(forward, m=m),
        partial(input_gradient, m=m),
        partial(weight_gradient, m=m),
        stepwise=True,
        exact=False,
    )


WINOGRAD_2D = tuple(_algorithm(m) for m in (2, 4, 5, 6))


def _correlate(
    x: np.ndarray,
    kernel: np.ndarray,
    transformed: np.ndarray,
    counts: np.ndarray,
    output_size: tuple[int, ...],
    padding: tuple[int, ...],
    bias: np.ndarray | None,
    m: int,
) -> Steps[np.ndarray]:
    """``x`` (N, C, H, W) with a kernel (3, 3, C, K): the output (N, K, *output_size).

    ``transformed`` (t * t, C, K): the transformed kernel. ``counts`` (C,): what each channel counts in the
    check of the range.
    """
    batch, channels = x.shape[:2]
    out_channels = kernel.shape[3]
    t = m + 2
    a_t = matrices(m, x.dtype)[0]
    y = np.empty((batch, *output_size, out_channels), x.dtype, like=x)
    tiling = Tiling(batch, channels, output_size, m, x.itemsize)
    pixels = x.transpose(0, 2, 3, 1)
    rows = items(pixels)
    y_items = items(y)
    planes = telling_planes(m, 3, x.dtype)
    screen = Screen(pixels, counts, padding[0], m, t, tiling.blocks, planes)
    exact = ExactPieces(pixels, kernel, padding, bias, y, m)

    @silent
    def block(index: int) -> None:
        samples, strip = piece = tiling.blocks[index]
        image = rows[samples]
        tiles = _input_tiles(image, x.dtype, channels, tiling, piece, padding, screen)
        length = tiles.shape[1] * out_channels
        products = scratch("winograd products", (t * t, tiles.shape[1], out_channels), x.dtype)
        np.matmul(tiles, transformed, out=products)
        half = scratch("winograd half", (m, t, length), x.dtype)
        np.matmul(a_t, products.reshape(t, t * length), out=half.reshape(m, t * length))
        outputs = scratch("winograd outputs", (m, m, length), x.dtype)
        np.matmul(a_t, half, out=outputs)
        if bias is not None:
            outputs += np.tile(bias, tiles.shape[1])
        outputs = outputs.reshape(m, m, -1, tiling.columns, len(image), out_channels)
        _store(items(outputs), y_items[samples, strip.start * m : strip.stop * m])

    microseconds = y.size * channels / 1e4
    yield from screened_map(screen, block, len(tiling.blocks), exact.write, tiling.blocks, microseconds)
    return y.transpose(0, 3, 1, 2)


def _input_tiles(
    rows: np.ndarray,
    dtype: np.dtype,
    channels: int,
    tiling: Tiling,
    piece: Piece,
    padding: tuple[int, ...],
    screen: Screen,
) -> np.ndarray:
    """``B^T d B`` of the tile rows of one strip, (t * t, tiles * samples, C).

    The screen looks at ``B^T d``.
    """
    m, t, across = tiling.m, tiling.t, tiling.columns
    strip = piece[1]
    height = strip.stop - strip.start
    count, image_height, image_width = rows.shape[:3]
    width = count * channels
    padded = scratch("winograd padded", (height * m + 2, across * m + 2, count, channels), dtype)
    top = padding[0] - strip.start * m  # row of the strip at which the image begins; negative further down
    begin = min(max(0, top), len(padded))
    end = min(max(begin, top + image_height), len(padded))
    right = min(padding[1] + image_width, padded.shape[1])
    padded.fill(0)
    inside = padded[begin:end, padding[1] : right]
    source = rows[:, begin - top : end - top, : right - padding[1]]
    if rows.ndim == 3:
        inside = items(inside)
    inside[...] = source.swapaxes(0, 1).swapaxes(1, 2)

    b_t = matrices(m, dtype)[2]
    size = dtype.itemsize
    row = padded.shape[1] * width
    half = scratch("winograd half", (height, t, row), dtype)
    overlapping = strided(padded, (height, t, row), (m * row * size, row * size, size))
    np.matmul(b_t, overlapping, out=half)
    screen.look(piece, half.reshape(height, t, -1, count, channels).transpose(3, 0, 1, 2, 4))
    tiles = scratch("winograd tiles", (t, t, height, across, width), dtype)
    strides = (row * size, t * row * size, m * width * size, width * size, size)
    overlapping = strided(half, (t, height, across, t, width), strides)
    np.matmul(b_t, overlapping, out=tiles.transpose(0, 2, 3, 1, 4))
    return tiles.reshape(t * t, height * across * count, channels)


def _store(outputs: np.ndarray, y: np.ndarray) -> None:
    """Copy outputs (m, m, tile rows, tile columns, samples) to their pixels of ``y`` (samples, H, W).

    Tiles that reach over the lower or right edge are cut there.
    """
    for tiles, pixels in _pairs(outputs, y):
        pixels[...] = tiles


def _load(y: np.ndarray, outputs: np.ndarray) -> None:
    """Copy ``y`` (samples, H, W) into outputs (m, m, tile rows, tile columns, samples, K).

    What lies beyond the edges is zero.
    """
    m, _, rows, columns = outputs.shape[:4]
    if y.shape[1:3] != (rows * m, columns * m):
        outputs.fill(0)
    for tiles, pixels in _pairs(items(outputs) if y.ndim == 3 else outputs, y):
        tiles[...] = pixels


def _pairs(outputs: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Views of whole and of cut tiles and of their pixels, (samples, tile rows, i, tile columns, j)."""
    m = len(outputs)
    outputs = outputs.transpose(4, 2, 0, 3, 1, *range(5, outputs.ndim))
    for row, rows, tall in _whole_and_cut(y.shape[1], m):
        for column, columns, wide in _whole_and_cut(y.shape[2], m):
            pixels = y[:, row * m : row * m + rows * tall, column * m : column * m + columns * wide]
            pixels = pixels.reshape(len(y), rows, tall, columns, wide, *y.shape[3:])  # splits axes: a view
            yield outputs[:, row : row + rows, :tall, column : column + columns, :wide], pixels


def _whole_and_cut(length: int, m: int) -> list[tuple[int, int, int]]:
    """First tile, number of tiles and their length: the whole tiles, and the last one if it is cut."""
    whole, rest = divmod(length, m)
    return [part for part in ((0, whole, m), (whole, 1, rest)) if part[1] * part[2]]
