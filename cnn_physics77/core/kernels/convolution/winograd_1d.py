"""Winograd convolution F(m x 1, r x 1), along the height alone, stride 1: few copies, one pass each way.

The r taps of each column of an r x s kernel are combined by Winograd's algorithm with the matrices of
`toom_cook`; the s columns are summed by the matrix product. For a strip d of t = m + r - 1 rows of the image,
with w_j the column j of the kernel,

    y[:, o] = A^T [ sum over j of (G w_j) * (B^T d)[:, o + j] ]                     forward
    dw_j    = G^T [ sum over strips and o of (A g)[:, o] * (B^T d)[:, o + j] ]      weight gradient

Summed over channels, each of the t rows is a matrix product, (pixels x s C) @ (s C x K), with t / (r m) of
the multiplications of im2col. The input gradient is the forward map of g with the kernel turned
by half a turn and its channels exchanged, at padding r - 1 - p.

In two dimensions (`winograd_2d`) the products are fewer, but every number is transformed twice and copied
twice. Here rows of channels-last images, W C numbers long, are read and written where they are: B^T turns t
of them into one line in each of t planes of ``tiles``, and A^T turns a line of t planes of ``products`` into
m rows of the result. Nothing else is moved:

    tiles    (t, lines * (p + W), C)    each line has the p zeros of the padding and the W pixels of a row;
                                        the zeros to its right are those of the next line
    products (t, lines * (p + W), K)    one for each run of s pixels; the runs across the end of a line are
                                        not read; a bias is one more plane, with a column of ones in A^T

A run of s pixels is s C contiguous numbers, so the windows need no copy either. BLAS takes no matrix whose
rows overlap, so every s-th run goes into one product: s long products for each plane.

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

For kernels of 5 rows the error follows t as well: F(4x1), F(5x1) and F(6x1) have 9.4e-7, 1.4e-6 and 2.1e-6 at
C = 32 and 28x28 (1.2e-6, 1.8e-6, 2.7e-6).

These are the errors for values of one range. An outlier raises that of its whole tile, and an infinity makes
NaN of it, so pieces whose values differ too much are computed by the exact product (see `dynamic_range`).
"""

from collections.abc import Sequence
from functools import partial
from math import ceil, prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.convolution import im2col_nhwc
from cnn_physics77.core.kernels.convolution.algorithm import (
    INPUT_GRADIENT,
    MOVE,
    SCREENED_CALLS,
    WEIGHT_GRADIENT,
    Algorithm,
    Problem,
    has_avx512,
    product_time,
)
from cnn_physics77.core.kernels.convolution.dynamic_range import (
    Screen,
    TellingPlanes,
    channel_counts,
    telling_planes,
)
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
from cnn_physics77.core.kernels.windows import Size

PIECE_BYTES = 5 << 18  # of the tiles of one piece: a plane and its products stay in the second-level cache
SUM_BYTES = 1 << 21  # the same in the weight gradient, where each piece adds up whole kernels
LEAST_RUNS = 96  # in a product: with fewer, BLAS's packing of the kernel takes most of the time
LONG_SUM = 9  # pixels for each channel: from here on, less packing pays for more sums
MOST_BLOCKS = 16  # of work; neighbouring pieces in one block share its memory
# Nanoseconds of one core (see `algorithm`): one number transformed, and on the way back; with AVX-512 this is
# hidden behind the memory that the products read.
TRANSFORM, INVERSE = 0.8, 0.5
HIDDEN = 0.1
FEW_ROWS = 8  # a product with as few rows takes twice the time, as BLAS packs the kernel for them


def forward(
    x: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, bias: np.ndarray | None, m: int
) -> Steps[np.ndarray]:
    """``y`` (N, K, H, W) in channels-last memory, by F(m x 1, r x 1)."""
    counts = channel_counts(weight, 1)
    if counts is None:
        return at_once(im2col_nhwc.forward, x, weight, shapes, bias)
    kernel = weight.transpose(2, 3, 1, 0)
    return _correlate(x, kernel, counts, shapes.output_size, shapes.padding, bias, m)


def input_gradient(g: np.ndarray, weight: np.ndarray, shapes: ConvolutionShapes, m: int) -> Steps[np.ndarray]:
    """The gradient (N, C, H, W) in channels-last memory; the padding is less than the kernel."""
    counts = channel_counts(weight, 0)
    if counts is None:
        return at_once(im2col_nhwc.input_gradient, g, weight, shapes)
    kernel = weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
    padding = tuple(k - 1 - p for k, p in zip(shapes.kernel_size, shapes.padding))
    return _correlate(g, kernel, counts, shapes.input_size, padding, None, m)


def weight_gradient(g: np.ndarray, x: np.ndarray, shapes: ConvolutionShapes, m: int) -> Steps[np.ndarray]:
    """The gradient (K, C, *kernel_size)."""
    channels, out_channels, dtype = shapes.in_channels, shapes.out_channels, x.dtype
    tall, wide = shapes.kernel_size
    plan = Plan(x, out_channels, shapes.output_size, shapes.kernel_size, shapes.padding, m, SUM_BYTES)
    a_t, g_matrix, b_t = matrices(m, dtype, tall)
    images, gradients = Strips(x, shapes.padding[0], m, plan.t), Strips(g, 0, m, m)
    windows = NHWCWindows.of(shapes)
    image_screen = images.screen(np.ones(channels, dtype), plan.pieces, telling_planes(m, tall, dtype))
    gradient_screen = gradients.screen(
        np.ones(out_channels, dtype), plan.pieces, telling_planes(m, tall, dtype, of_gradient=True)
    )
    shape = tall, wide, out_channels, channels

    @silent
    def add(total: np.ndarray, neighbours: Sequence[Piece]) -> None:
        tiles, lines = plan.tiles()
        outer, outer_lines = plan.outer(shapes.output_size[1], out_channels)
        sums = scratch("winograd sums", (plan.t, *shape[1:]), dtype)
        sums[...] = 0
        for piece in neighbours:
            number, runs = plan.size(piece)
            images.transform(b_t, piece, lines[:number], image_screen)
            gradients.transform(a_t.T, piece, outer_lines[:number], gradient_screen)
            for planes in (tiles, outer):  # where a larger piece may have left something
                planes[:, number * plan.width : (runs + 1) * wide] = 0
            if runs * wide >= LONG_SUM * channels:  # all taps at once, one sum for each phase
                pixels, phases = _phases(outer, wide, 1), _phases(tiles, wide, wide)
                added = np.matmul(pixels[:, :, :runs].swapaxes(2, 3), phases[:, :, :runs]).sum(axis=1)
                sums += added.reshape(plan.t, out_channels, wide, channels).swapaxes(1, 2)
            else:  # tap by tap
                pixels, shifted = _phases(outer, 1, 1), _shifted(tiles, wide)
                length = runs * wide
                sums += np.matmul(pixels[:, :, :length].swapaxes(2, 3), shifted[:, :, :length])
        np.matmul(g_matrix.T, sums.reshape(plan.t, -1), out=total.reshape(tall, -1))

    def add_exactly(total: np.ndarray, neighbours: Sequence[Piece]) -> None:
        taps = total.transpose(2, 0, 1, 3)
        taps[...] = 0
        for samples, strips in neighbours:
            rows = rows_of(strips, m, shapes.output_size[0])
            product = im2col_nhwc.weight_product(gradients.image, images.image, windows, samples, rows)
            taps += product.reshape(taps.shape)

    screens = image_screen, gradient_screen
    taps = yield from screened_sum(screens, add, add_exactly, plan.pieces, shape, x, g.size * channels / 1e4)
    return contiguous(taps.transpose(2, 3, 0, 1))


def applies(problem: Problem, m: int, r: int) -> bool:
    """Kernels of r rows, stride and dilation 1, and a padding that the input gradient can turn around."""
    s = problem.shapes
    return (
        problem.is_planar
        and problem.dtype.char in "fd"
        and s.groups == 1
        and s.stride == s.dilation == (1, 1)
        and s.kernel_size[0] == r
        and all(p < k for p, k in zip(s.padding, s.kernel_size))
    )


def cost(problem: Problem, m: int, r: int) -> float:
    s = problem.shapes
    if problem.dtype.char != "f":
        return float("inf")
    channels = s.in_channels, s.out_channels
    read, made = channels[::-1] if problem.map == INPUT_GRADIENT else channels
    size = s.input_size if problem.map == INPUT_GRADIENT else s.output_size
    wide = s.kernel_size[1]
    transformed = s.batch * ceil(size[0] / m) * (m + r - 1) * size[1]  # pixels
    longer = 1 + (wide // 2) / size[1]  # of a line: the padding
    if problem.map != WEIGHT_GRADIENT:
        samples, strips = pieces(s.batch, size, s.kernel_size, max(channels), m, 4, PIECE_BYTES)[0]
        lines = (samples.stop - samples.start) * (strips.stop - strips.start)
        longer *= 1 + FEW_ROWS * wide / (lines * longer * size[1])
    transforms = (read * TRANSFORM + made * INVERSE) * (HIDDEN if has_avx512() else 1)
    each = product_time(longer, wide * read, made) + transforms
    kernel = (m + r - 1) * wide * prod(channels) * TRANSFORM
    pixels = s.batch * prod(s.output_size)
    calls = SCREENED_CALLS * (2 if problem.map == WEIGHT_GRADIENT else 1)
    return calls + (transformed * each + kernel + pixels * sum(channels) * MOVE) / 1e6


def _algorithm(m: int, r: int) -> Algorithm:
    return Algorithm(
        f"F({m}x1, {r}x1)",
        partial(applies, m=m, r=r),
        partial(cost, m=m, r=r),
        partial(forward, m=m),
        partial(input_gradient, m=m),
        partial(weight_gradient, m=m),
        stepwise=True,
        exact=False,
    )


WINOGRAD_1D = tuple(
    _algorithm(m, r) for m, r in ((4, 3), (5, 3), (6, 3), (7, 3), (8, 3), (4, 5), (5, 5), (6, 5))
)


def _transformed(kernel: np.ndarray, m: int) -> np.ndarray:
    """``G`` along the rows of a kernel (height, width, C, K): (t, 1, width * C, K)."""
    tall, wide, channels, out_channels = kernel.shape
    g = matrices(m, kernel.dtype, tall)[1]
    return matmul(g, kernel.reshape(tall, -1)).reshape(-1, 1, wide * channels, out_channels)


def pieces(
    batch: int,
    size: Size,
    kernel_size: Size,
    channels: int,
    m: int,
    itemsize: int,
    piece_bytes: int,
) -> list[tuple[slice, slice]]:
    """The samples and strips of each piece, the first the largest.

    Args:
        size: rows of the result, columns of the image (or of the result, for an estimate).
        channels: the larger number of the two images.
    """
    line_bytes = (m + kernel_size[0] - 1) * (size[1] + kernel_size[1] // 2) * channels * itemsize
    strips = ceil(size[0] / m)
    least_samples = ceil(LEAST_RUNS * kernel_size[1] / (strips * (size[1] + kernel_size[1] // 2)))
    return cut(batch, strips, line_bytes, least_samples, piece_bytes)


class Plan:
    """How one map is divided into pieces of samples and strips of m rows, and the memory for one piece."""

    def __init__(
        self,
        x: np.ndarray,
        out_channels: int,
        output_size: Size,
        kernel_size: Size,
        padding: Size,
        m: int,
        piece_bytes: int,
    ) -> None:
        batch, self.channels, _, self.columns = x.shape
        self.dtype, self.wide, self.left = x.dtype, kernel_size[1], padding[1]
        self.t = m + kernel_size[0] - 1
        most = max(self.channels, out_channels)
        self.width = self.left + self.columns  # of a line
        size = output_size[0], self.columns
        self.pieces = pieces(batch, size, kernel_size, most, m, x.itemsize, piece_bytes)

    def share(self, index: int, count: int) -> list[tuple[slice, slice]]:
        """The neighbouring pieces that one of ``count`` blocks computes."""
        total = len(self.pieces)
        return self.pieces[index * total // count : (index + 1) * total // count]

    def size(self, piece: tuple[slice, slice]) -> tuple[int, int]:
        """The lines of a piece, and the runs of its pixels in each of the products."""
        samples, strips = piece
        lines = (samples.stop - samples.start) * (strips.stop - strips.start)
        return lines, ceil(lines * self.width / self.wide)

    def planes(self, name: str, count: int, channels: int) -> np.ndarray:
        """Scratch memory (count, pixels, channels) for the largest piece and one more run."""
        pixels = (self.size(self.pieces[0])[1] + 1) * self.wide
        return scratch(name, (count, pixels, channels), self.dtype)

    def lines(self, planes: np.ndarray, left: int, columns: int) -> np.ndarray:
        """Some columns of all lines of all planes, as a view (lines, planes, columns * channels)."""
        step, pixel, item = planes.strides
        shape = (self.size(self.pieces[0])[0], len(planes), columns * planes.shape[2])
        return strided(planes, shape, (self.width * pixel, step, item), left * pixel)

    def outer(self, columns: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Memory for ``A g`` of one piece, and a view of its lines, which end with zeros: they are as long as
        those of tiles."""
        outer = self.planes("winograd products", self.t, channels)
        self.lines(outer, columns, self.width - columns)[...] = 0
        outer[:, self.size(self.pieces[0])[0] * self.width :] = 0
        return outer, self.lines(outer, 0, columns)

    def tiles(self) -> tuple[np.ndarray, np.ndarray]:
        """Memory for ``B^T d`` of one piece with its zero padding, and a view of the lines without it."""
        tiles = self.planes("winograd tiles", self.t, self.channels)
        lines = self.size(self.pieces[0])[0]
        self.lines(tiles, 0, self.left)[...] = 0
        tiles[:, lines * self.width :] = 0
        return tiles, self.lines(tiles, self.left, self.columns)


def _phases(planes: np.ndarray, count: int, pixels: int) -> np.ndarray:
    """Runs of ``pixels`` pixels of planes (t, ..., C), as matrices: (t, count, runs, pixels * C).

    A run begins at each pixel; one matrix takes every ``count``-th of them.
    """
    step, pixel, item = planes.strides
    shape = (len(planes), count, planes.shape[1] // count - 1, pixels * planes.shape[2])
    return strided(planes, shape, (step, pixel, count * pixel, item))


def _shifted(planes: np.ndarray, count: int) -> np.ndarray:
    """Planes (t, pixels, C) that begin at each of the first ``count`` pixels, (t, count, ..., C)."""
    step, pixel, item = planes.strides
    shape = (len(planes), count, planes.shape[1] - count + 1, planes.shape[2])
    return strided(planes, shape, (step, pixel, pixel, item))


class Strips:
    """Strips of ``span`` rows of an image (N, C, H, W), one every m rows, as factors of a product.

    The first strip begins ``above`` rows above the image.
    """

    def __init__(self, image: np.ndarray, above: int, m: int, span: int) -> None:
        self.image = image.transpose(0, 2, 3, 1)
        self.above, self.m, self.span = above, m, span
        self.rows = _pixel_rows(self.image)

    def screen(self, counts: np.ndarray, pieces: list[Piece], planes: TellingPlanes) -> Screen:
        """The screen of pieces of these strips."""
        return Screen(self.image, counts, self.above, self.m, self.span, pieces, planes)

    def transform(self, matrix: np.ndarray, piece: Piece, lines: np.ndarray, screen: Screen) -> None:
        """``lines[n, r] = matrix @ d`` with d the rows of strip r of sample n, zero outside of the image.

        matrix (t, span), lines (samples * strips, t, W C). The screen looks at the result.
        """
        samples, strips = piece
        m, span = self.m, self.span
        first = strips.start * m - self.above
        number = strips.stop - strips.start
        if self.rows is None:  # copy what the strips read
            top = min(max(0, first), self.image.shape[1])
            rows = _copied_rows(self.image[samples, top : max(top, first + (number - 1) * m + span)])
            first -= top
        else:
            rows = self.rows[samples]
        count, height, length = rows.shape
        lines = lines.reshape(count, number, *lines.shape[1:])
        begin = min(number, max(0, ceil(-first / m)))  # strips whose rows all lie inside: begin to end
        end = max(begin, min(number, (height - span - first) // m + 1))
        if end > begin:
            step, row, item = rows.strides
            inside = as_strided(
                rows[:, first + begin * m :],
                (count, end - begin, span, length),
                (step, m * row, row, item),
                subok=True,
            )
            np.matmul(matrix, inside, out=lines[:, begin:end])
        for strip in (*range(begin), *range(end, number)):
            top = first + strip * m
            low, high = max(0, top), min(height, top + span)
            if low < high:
                np.matmul(matrix[:, low - top : high - top], rows[:, low:high], out=lines[:, strip])
            else:
                lines[:, strip] = 0
        screen.look(piece, lines)


def _pixel_rows(images: np.ndarray) -> np.ndarray | None:
    """A view of ``images`` (samples, H, W, C) as rows (samples, H, W * C), if there is one."""
    samples, height, width, channels = images.shape
    if images.strides[2:] != (channels * images.itemsize, images.itemsize):
        return None
    return images.reshape(samples, height, width * channels)


def _copied_rows(images: np.ndarray) -> np.ndarray:
    """The same rows in scratch memory."""
    copy = scratch("winograd rows", images.shape, images.dtype)
    if images.strides[3] == images.itemsize:
        items(copy)[...] = items(images)
    else:
        copy[...] = images
    return copy.reshape(*copy.shape[:2], -1)


def _correlate(
    x: np.ndarray,
    kernel: np.ndarray,
    counts: np.ndarray,
    output_size: Size,
    padding: Size,
    bias: np.ndarray | None,
    m: int,
) -> Steps[np.ndarray]:
    """``x`` (N, C, H, W) with a kernel (height, width, C, K): the output (N, K, *output_size).

    ``counts`` (C,): what each channel counts in the check of the range.
    """
    batch, channels = x.shape[:2]
    height, columns = output_size
    tall, wide, _, out_channels = kernel.shape
    a_t, _, b_t = matrices(m, x.dtype, tall)
    y = np.empty((batch, height, columns * out_channels), x.dtype, like=x)
    pixels = y.reshape(batch, height, columns, out_channels)
    plan = Plan(x, out_channels, output_size, (tall, wide), padding, m, PIECE_BYTES)
    t = plan.t
    transformed = _transformed(kernel, m)
    images = Strips(x, padding[0], m, t)
    screen = images.screen(counts, plan.pieces, telling_planes(m, tall, x.dtype))
    exact = ExactPieces(images.image, kernel, padding, bias, pixels, m)
    if bias is not None:  # is one more plane of products, for all rows alike
        a_t = np.append(a_t, np.ones((m, 1), x.dtype, like=x), axis=1)
    count = min(len(plan.pieces), MOST_BLOCKS)

    @silent
    def block(index: int) -> None:
        tiles, lines = plan.tiles()
        products = plan.planes("winograd products", a_t.shape[1], out_channels)
        if bias is not None:
            np.copyto(products[t], bias)
        windows, sums = _phases(tiles, wide, wide), _phases(products[:t], wide, 1)
        summed = plan.lines(products, 0, columns)

        for piece in plan.share(index, count):
            number, runs = plan.size(piece)
            samples, strips = piece
            rows = y[samples, strips.start * m : strips.stop * m]
            images.transform(b_t, piece, lines[:number], screen)
            if number < len(lines):  # a larger piece may have left something
                tiles[:, number * plan.width : (runs + 1) * wide] = 0
            np.matmul(windows[:, :, :runs], transformed, out=sums[:, :, :runs])
            _from_tiles(a_t, summed[:number].reshape(len(rows), -1, *summed.shape[1:]), rows)

    yield from screened_map(screen, block, count, exact.write, plan.pieces, y.size * channels / 1e4)
    return pixels.transpose(0, 3, 1, 2)


def _from_tiles(matrix: np.ndarray, lines: np.ndarray, rows: np.ndarray) -> None:
    """``rows[n, r m : (r + 1) m] = matrix @ lines[n, r]``, without what lies beyond the last row.

    matrix (m, t), lines (samples, strips, t, L), rows (samples, H, L).
    """
    m = len(matrix)
    samples, height, length = rows.shape
    whole, rest = divmod(height, m)
    if whole:
        strips = rows[:, : whole * m].reshape(samples, whole, m, length)  # splits an axis: a view
        np.matmul(matrix, lines[:, :whole], out=strips)
    if rest:
        np.matmul(matrix[:rest], lines[:, whole], out=rows[:, whole * m :])
