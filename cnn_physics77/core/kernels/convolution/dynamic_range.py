"""Where neighbouring values differ too much in size for Winograd's algorithm. The only decisions by value.

The algorithm mixes the pixels of a tile, so the rounding error of each output follows the largest value of
its tile, although the kernel may not even reach from it. Measured in float32, one value of size S adds up to
``1e-6 S |w|`` to the error of every output of its tile (F(8 x 1), the largest of the algorithms that are
chosen; F(4 x 4) adds half of it), where the outputs themselves are about ``sqrt(taps C) s |w|`` for values of
size s. So a pixel is measured as the outputs see it, by the norm

    sqrt(sum over channels c of x[c]^2 v[c])       v[c]: the squared norm of the weights of channel c

and a cell, of one pixel or some neighbours of one row, is so narrow that every window of the kernel holds a
whole one. Strips of rows are taken by the exact product instead (`im2col`) where, within reach of the tiles,

    a cell is more than `MOST_CONTRAST` times as large as another one and as a typical pixel of its sample,

or where a value is infinite, NaN or so large that a sum may overflow. Then outliers add at most about 1e-4 of
the outputs' size to the error of outputs that they do not reach, divided by the share of the pixels that are
not outliers. The typical size is the harmonic mean of the
pixels that are not zero, taken over one pixel in each window: it follows the ordinary values even where most
pixels hold a large fill value. Cells that are zero or smaller than typical count as typical, so sparse and
decaying images remain with the fast algorithm; there the error is relative to the typical pixel.

Large values are no outliers where they are common: the strokes of a digit before its background, and what
layers make of them. If an eighth of the pixels are within `MOST_CONTRAST` of a value, it is allowed up to
`COMMON_CONTRAST` times the typical pixel. There the error is small beside the large values, at most 1e-6 of
them, and at most about 1e-2 of the outputs where all is small.

Taps of a kernel that differ by more than `MOST_KERNEL_CONTRAST` are excluded in the same way, all of the map
at once. In a weight gradient the strips of both images are examined.

That is the examination of `RangeCheck`. Nearly all pieces of work need none, as `Screen` finds at the cost
of one pass over their rows by BLAS and of a few pixels. No cell is larger than the norm of its row. So a
sample is not examined where its largest row is not too large beside the typical and the common size of a few
of its pixels, at places that follow no pattern of the images and differ from sample to sample. These pixels
may meet no ordinary value, in a hole of a few pixels, say, in a region of fill values. Therefore a row is not
more than `PIECE_CONTRAST` times as large as the typical pixel of any other sample of the piece, either. The
bounds above then hold with these sizes. They are too large only where ordinary values are so few in all
samples of a piece that no pixel meets them.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from math import ceil, inf, prod

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.kernels.convolution import im2col_nhwc
from cnn_physics77.core.kernels.convolution.nhwc_windows import NHWCWindows
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.layout import strided
from cnn_physics77.core.kernels.windows import Size

MOST_CONTRAST = 64.0
COMMON_CONTRAST = 2.0**13
PIECE_CONTRAST = 2.0**20
COMMON = 8  # one pixel in so many is large: then large values are common
MOST_KERNEL_CONTRAST = 16.0
LEAST_ENERGY = 2.0**-60  # of the largest row: with a smaller one, squares in float32 lose the small values
SCREENED = 128  # pixels of a piece that the screen takes, at least, and at least
LEAST_SCREENED = 16  # of each of its samples
# 1 / p and 1 / p^2 with p^3 = p + 1: their multiples, modulo 1, fill the unit square evenly (M. Roberts, "The
# unreasonable effectiveness of quasirandom sequences", 2018)
STEP = np.array([0.7548776662466927, 0.5698402909980532])


class RangeCheck:
    """Finds the strips of rows of images whose tiles hold values that differ too much.

    It squares what it is given, so its caller is `silent`.

    Args:
        channels: (C,), what a squared value of each channel counts, 1 at most.
        window: rows and columns of the kernel's windows.
        cell: columns of one cell.
        reach: columns over which a tile and a window mix values.
        step, span: rows from one strip to the next, and of each.
    """

    def __init__(
        self, channels: np.ndarray, window: Size, cell: int, reach: int, step: int, span: int
    ) -> None:
        self.channels, self.window, self.cell = channels, window, cell
        self.step, self.span = step, span
        self.radius = ceil((reach - 1) / cell)
        self.limit = _largest_energy(channels.dtype)

    def strips(self, images: np.ndarray, first: int, number: int) -> np.ndarray | None:
        """Which strips are to be taken by the exact product: (samples, number), or None where none is.

        Args:
            images: (samples, H, W, C).
            first: the row at which the first strip begins; rows outside of the images read as zero.
        """
        images = images[:, max(0, first) : max(0, first + (number - 1) * self.step + self.span)]
        if images.size == 0:
            return None
        rows = _row_energies(images)
        largest = float(rows.max())
        if not LEAST_ENERGY <= largest < inf:  # squares in float32 lose the range
            images = images.astype(np.float64)
            rows = _row_energies(images)
            largest = float(rows.max())
        pixels = self._pixel_energies(images)
        if largest <= self.limit and largest <= MOST_CONTRAST**2 * float(pixels.min()):
            return None  # with as few calls as possible: nearly all pieces end here
        typical, allowed = _sizes(np.sqrt(pixels))
        if (rows.max(axis=1) <= _energies(allowed, self.limit)).all():
            return None
        wide = self._wide_strips(images, typical, allowed, min(0, first), number)
        return wide if wide.any() else None

    def _pixel_energies(self, images: np.ndarray) -> np.ndarray:
        """The squared norms of one pixel in each window, (samples, pixels).

        At the border a window may see the last row or column alone.
        """
        rows, columns = (
            np.minimum(np.arange(0, size + width - 1, width), size - 1)
            for size, width in zip(images.shape[1:3], self.window)
        )
        squares = np.square(images[:, rows[:, None], columns])
        energies = squares.reshape(-1, len(self.channels)) @ self.channels
        return energies.reshape(len(images), -1)

    def _wide_strips(
        self, images: np.ndarray, typical: np.ndarray, allowed: np.ndarray, first: int, number: int
    ) -> np.ndarray:
        samples, height, width, channels = images.shape
        cells = ceil(width / self.cell)
        squares = np.zeros((samples, height, cells * self.cell, channels), images.dtype, like=images)
        np.square(images, out=squares[:, :, :width])
        counts = np.tile(self.channels, self.cell)
        energies = np.matmul(squares.reshape(-1, len(counts)), counts)
        norms = np.sqrt(energies).reshape(samples, height, cells)
        np.nan_to_num(norms, copy=False, nan=np.inf, posinf=np.inf)
        read = np.zeros((samples, (number - 1) * self.step + self.span, cells), norms.dtype, like=norms)
        read[:, -first : height - first] = norms
        sample, row, cell = read.strides
        strips = strided(read, (samples, number, self.span, cells), (sample, self.step * row, row, cell))
        least, largest = strips.min(axis=2), strips.max(axis=2)
        near = largest.copy()
        for shift in range(1, min(self.radius, cells - 1) + 1):
            np.maximum(near[..., shift:], largest[..., :-shift], out=near[..., shift:])
            np.maximum(near[..., :-shift], largest[..., shift:], out=near[..., :-shift])
        beside = MOST_CONTRAST * np.fmax(least, typical[:, None, None])
        allowed = np.fmax(beside, allowed[:, None, None])
        return ~(near <= np.minimum(allowed, self.limit**0.5)).all(axis=2)


class Screen:
    """Finds the pieces of images that are to be examined, and examines them.

    Both square what they are given, so their caller is `silent`.

    Args:
        check: the examination.
        images: (N, H, W, C).
        above: rows above the images at which the first strip begins.
        pieces: (samples, strips) of each, every one of its samples with every one of its strips.
    """

    def __init__(
        self, check: RangeCheck, images: np.ndarray, above: int, pieces: list[tuple[slice, slice]]
    ) -> None:
        self.check, self.images, self.above = check, images, above
        strips = sorted({(piece.start, piece.stop) for _, piece in pieces})
        starts = sorted({samples.start for samples, _ in pieces})
        self.rows = {first: self._rows(first, last) for first, last in strips}
        self._band = {first: number for number, first in enumerate(self.rows)}
        if self.images.size:
            self._allowed = self._allowed_energies(tuple(self.rows.values()), starts)

    def _rows(self, first: int, last: int) -> tuple[int, int]:
        """The rows of the images that some strips read."""
        step, height = self.check.step, self.images.shape[1]
        top = max(0, first * step - self.above)
        return top, max(top, min(height, (last - 1) * step - self.above + self.check.span))

    def _allowed_energies(self, bands: tuple[tuple[int, int], ...], starts: list[int]) -> np.ndarray:
        """The largest squared norm of a row of each sample that is not examined, (bands of rows, N). It is 0
        where all pixels that were taken are zero, or are not finite.

        Args:
            starts: the first samples of the pieces.

        In as few calls as possible, for each takes some microseconds while its code is in no cache.
        """
        batch, height, width, channels = self.images.shape
        sizes = np.diff([*starts, batch])
        number = max(LEAST_SCREENED, ceil(SCREENED / sizes.max()))
        places = _places(batch, height, width, bands, number)
        if self.images.flags.c_contiguous:
            pixels = self.images.reshape(-1, channels).take(places, axis=0)
        else:
            sample, pixel = np.divmod(places, height * width)
            pixels = self.images[sample, pixel // width, pixel % width]
        typical, allowed = _sizes(np.sqrt(np.square(pixels, out=pixels) @ self.check.channels))
        of_piece = np.fmin.reduceat(typical, starts, axis=1) * PIECE_CONTRAST
        allowed = np.minimum(allowed, np.repeat(of_piece, sizes, axis=1))
        return np.where(allowed < inf, _energies(allowed, self.check.limit), 0)

    def wide(self, piece: tuple[slice, slice]) -> np.ndarray | None:
        """Which strips of a piece hold values that differ too much, (samples, strips); None for none."""
        samples, strips = piece
        top, bottom = self.rows[strips.start]
        if bottom == top or self.images.size == 0:
            return None
        largest = np.maximum.reduce(_row_energies(self.images[samples, top:bottom]), axis=1)
        ordinary = largest <= self._allowed[self._band[strips.start], samples]
        if np.minimum.reduce(largest) >= LEAST_ENERGY and np.logical_and.reduce(ordinary):
            return None  # with as few calls as possible: nearly all pieces end here
        (doubtful,) = np.nonzero(~(ordinary & (largest >= LEAST_ENERGY)))
        first, number = strips.start * self.check.step - self.above, strips.stop - strips.start
        marks = self.check.strips(self.images[samples][doubtful], first, number)
        if marks is None:
            return None
        wide = np.zeros((len(largest), number), bool)
        wide[doubtful] = marks
        return wide


@lru_cache(maxsize=32)
def _places(
    batch: int, height: int, width: int, bands: tuple[tuple[int, int], ...], number: int
) -> np.ndarray:
    """Some pixels of bands of rows of images, (bands, batch, number), as indices into all pixels."""
    shape = len(bands), batch, number
    rows, columns = (np.arange(1, prod(shape) + 1) * STEP[:, None] % 1).reshape(2, *shape)
    tops, bottoms = np.minimum(np.array(bands).T, height)[:, :, None, None]
    rows = np.minimum(tops + (rows * (bottoms - tops)).astype(np.intp), height - 1)
    columns = (columns * width).astype(np.intp)
    return (np.arange(batch)[:, None] * height + rows) * width + columns


@lru_cache
def _largest_energy(dtype: np.dtype) -> float:
    """The square of the largest number that leaves room for the sums of a convolution."""
    return min(float(np.finfo(dtype).max) * 2.0**-20, 2.0**500) ** 2


def _row_energies(images: np.ndarray) -> np.ndarray:
    """The sums of squares of rows of pixels, (samples, H)."""
    rows = images.reshape(*images.shape[:2], -1)
    return np.vecdot(rows, rows)


def _sizes(norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The typical size of pixels of these norms, over the last axis, and the size that is allowed beside it.

    The typical size is the harmonic mean of those that are not zero; NaN where all are.
    """
    inverse = 1 / norms
    there = inverse < inf
    typical = there.sum(axis=-1, dtype=norms.dtype) / np.where(there, inverse, 0).sum(axis=-1)
    number = norms.shape[-1]
    place = max(0, number - max(2, number // COMMON))
    common = np.partition(norms, place, axis=-1)[..., place]
    contrast = np.minimum(MOST_CONTRAST * common, COMMON_CONTRAST * typical)
    return typical, np.maximum(MOST_CONTRAST * typical, contrast)


def _energies(sizes: np.ndarray, limit: float) -> np.ndarray:
    """The squares, but at most the limit, and finite."""
    return np.minimum(np.square(sizes), min(limit, float(np.finfo(sizes.dtype).max)))


@silent
def channel_counts(weight: np.ndarray, axis: int) -> np.ndarray | None:
    """What a squared value of each channel that a map reads counts: its weights' squared norm, 1 at most.

    None where the taps of one output differ by more than `MOST_KERNEL_CONTRAST`, or are not finite: then each
    output has the error of its largest tap, also where that tap meets the zeros of the padding.

    Args:
        weight: (K, C, *kernel_size).
        axis: that of the channels that the map reads; it writes those of the other one.
    """
    out_channels, in_channels = weight.shape[:2]
    weight = weight.reshape(out_channels, in_channels, -1)
    written, counts = _tap_energies(weight, axis)
    if not LEAST_ENERGY <= written.max() < inf:
        written, counts = _tap_energies(weight.astype(np.float64), axis)
    least = np.where(written == 0, inf, written).min(axis=1, keepdims=True)  # each output by itself
    limit = min(_largest_energy(weight.dtype), float(np.finfo(least.dtype).max))
    if not (written <= np.minimum(MOST_KERNEL_CONTRAST**2 * least, limit)).all():
        return None
    counts /= counts.max() or 1
    return counts.astype(weight.dtype, copy=False)


def _tap_energies(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The squared weights (K, C, taps) summed for each tap of the channels written, and for those read."""
    out_channels, in_channels, taps = weight.shape
    squares = np.square(weight).reshape(out_channels, in_channels * taps)
    over_k = np.add.reduce(squares, axis=0).reshape(in_channels, taps)
    if axis == 0:
        return over_k, np.add.reduce(squares, axis=1)
    return matmul(squares, _each_tap(in_channels, taps, weight.dtype)), np.add.reduce(over_k, axis=1)


@lru_cache(maxsize=32)
def _each_tap(channels: int, taps: int, dtype: np.dtype) -> np.ndarray:
    """Ones that sum over channels for each tap: (channels * taps, taps)."""
    return np.tile(np.eye(taps, dtype=dtype), (channels, 1))


@silent
def all_finite(array: np.ndarray) -> bool:
    """Whether all values are finite; False also where they are so large that their sum overflows.

    >>> all_finite(np.ones(3)), all_finite(np.array([np.inf, -np.inf]))
    (True, False)
    """
    return bool(np.isfinite(array.sum()))


def window_cell(width: int, padding: int) -> int:
    """Columns of a cell so narrow that every window of so many columns holds a whole one.

    At the border a window sees ``width - padding`` columns, the first ones of the image.
    """
    return min((width + 1) // 2, width - padding)


def strips_of(
    piece: tuple[slice, slice], m: int, height: int, *wide: np.ndarray | None
) -> Iterator[tuple[slice, slice]]:
    """The samples and rows of the marked strips of m rows of a piece.

    Args:
        piece: samples and strips.
        height: of the result, in which the last strip may be cut.
        wide: marks (samples, strips), or None for none.
    """
    samples, strips = piece
    marked = np.zeros((samples.stop - samples.start, strips.stop - strips.start), bool)
    for marks in wide:
        if marks is not None:
            marked |= marks
    for sample, strip in np.argwhere(marked).tolist():
        rows = slice((strips.start + strip) * m, min(height, (strips.start + strip + 1) * m))
        yield slice(samples.start + sample, samples.start + sample + 1), rows


class ExactStrips:
    """Writes strips of a correlation's output by the exact product."""

    def __init__(
        self,
        images: np.ndarray,
        kernel: np.ndarray,
        padding: Size,
        bias: np.ndarray | None,
        y: np.ndarray,
        m: int,
    ) -> None:
        self.images, self.kernel, self.bias, self.y, self.m = images, kernel, bias, y, m
        self.padding = padding

    @cached_property
    def product(self) -> im2col_nhwc.WindowProduct:
        origin = tuple(-p for p in self.padding)
        windows = NHWCWindows(origin, self.kernel.shape[:2], (1, 1), (1, 1), self.y.shape[1:3])
        return im2col_nhwc.WindowProduct(self.kernel, windows, self.bias, self.m)

    def overwrite(self, piece: tuple[slice, slice], wide: np.ndarray) -> None:
        """Overwrite the marked strips of a piece (see `strips_of`)."""
        for samples, rows in strips_of(piece, self.m, self.y.shape[1], wide):
            self.product(self.images, samples, rows, self.y)
