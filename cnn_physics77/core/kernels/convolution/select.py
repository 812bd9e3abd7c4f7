"""Which algorithm runs a convolution, and why.

    plain           im2col in the order (N, C, H, W): any number of dimensions, any dtype
    slabs           the same for few input channels, blocked (first layers; 1x1 on (N, C, H, W) memory)
    bands           the input gradient of small images with few channels: a row of pixels as one vector
    channels_last   blocked im2col in channels-last memory
    depthwise       one kernel for each channel, tap by tap
    by_group        each group by itself, by the algorithm that fits it
    rows4/5/6/7/8   Winograd's F(m x 1, r x 1) along rows, for kernels of 3 or 5 rows at stride 1
    winograd2/4/5/6 Winograd's F(m x m, 3 x 3), for 3x3 kernels at stride 1

Where several fit, the least estimated time is taken. Winograd's rounding error is larger than the others'
(see `winograd_rows` and `winograd`), so it is chosen in float32 only, where it saves a fifth of the time, and
in two dimensions never beyond F(5x5); float64 takes exact algorithms unless overridden. Outliers and what is
not finite reach no further than the kernel does, whatever the algorithm (see `dynamic_range`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod

import numpy as np

from cnn_physics77.core.kernels import winograd_rows
from cnn_physics77.core.kernels.geometry import Geometry
from cnn_physics77.core.kernels.slabs import WIDE
from cnn_physics77.core.kernels.toom_cook import POINTS

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input_gradient", "weight_gradient"
ALGORITHMS = (
    "plain",
    "slabs",
    "bands",
    "channels_last",
    "depthwise",
    "by_group",
    "rows4",
    "rows5",
    "rows6",
    "rows7",
    "rows8",
    "winograd2",
    "winograd4",
    "winograd5",
    "winograd6",
)
WINOGRAD = tuple(name for name in ALGORITHMS if name.startswith(("rows", "winograd")) and name != "winograd6")

# Nanoseconds of one core, float32, as measured on an AVX2 machine; only their relations decide.
PRODUCT = 2 / 94  # one multiplication and addition in a product of large matrices
NARROW, SHORT = 5, 8  # columns and inner length: a product with as few takes twice the time for each
FEW_ROWS = 8  # the same, where the other factor is put in BLAS's order anew for these rows
TRANSFORM = 1.1  # one transformed number of an input tile, both directions together
INVERSE = 0.8  # the same on the way back
ROW_TRANSFORM = 0.8  # the same along rows alone
ROW_INVERSE = 0.5
MOVE = 0.3  # one number moved in im2col
ADD, ADD_RUN = 0.7, 8.0  # one number added to its place, and each run of neighbours
KERNEL = 6.0  # one number of the transformed kernel
FEW = 8  # channels: with fewer, Winograd's rows are too short and its products too narrow
SLOWER_GRADIENT = 1.2  # Winograd's weight gradient against its forward map
WORTH = 0.8  # of the time of an exact algorithm: what Winograd's larger error must bring
CALLS = 0.05  # milliseconds, of the calls themselves


@dataclass(frozen=True, slots=True)
class Choice:
    """The algorithm for one map of one convolution."""

    map: str
    algorithm: str
    reason: str

    def __str__(self) -> str:
        return f"{self.map}: {self.algorithm}, {self.reason}"


_override: ContextVar[str | None] = ContextVar("algorithm", default=None)


@contextmanager
def override(algorithm: str) -> Iterator[None]:
    """Inside of this context every convolution that ``algorithm`` can do is done by it; the others as usual.

    Raises:
        ValueError: no such algorithm.

    >>> from cnn_physics77.core.kernels.geometry import geometry
    >>> sizes = geometry((1, 8, 9, 9), (8, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1, "example")
    >>> with override("plain"):
    ...     print(choose("forward", sizes, np.dtype(np.float32)))
    forward: plain, by override
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"override: expected one of {', '.join(ALGORITHMS)}, found {algorithm!r}")
    token = _override.set(algorithm)
    try:
        yield
    finally:
        _override.reset(token)


def choose(map: str, geometry: Geometry, dtype: np.dtype, channels_last: bool = True) -> Choice:
    """The algorithm that will run ``map`` ("forward", "input_gradient" or "weight_gradient"), and the reason.

    Args:
        channels_last: whether the images that it reads have their channels contiguous in memory.

    >>> from cnn_physics77.core.kernels.geometry import geometry
    >>> sizes = geometry((64, 32, 28, 28), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1, "example")
    >>> print(choose("forward", sizes, np.dtype(np.float32)))
    forward: rows7, least estimated time: rows7 ... ms, channels_last ... ms
    >>> print(choose("forward", sizes, np.dtype(np.float64)))
    forward: channels_last, the exact algorithm of channels-last memory
    """
    return _choose(map, geometry, dtype, channels_last, _override.get())


@lru_cache(maxsize=4096)
def _choose(map: str, q: Geometry, dtype: np.dtype, channels_last: bool, wanted: str | None) -> Choice:
    if wanted is not None and applies(wanted, map, q, dtype):
        return Choice(map, wanted, "by override")
    if dtype.char not in "fdFD":
        return Choice(map, "plain", f"the only one for dtype {dtype}")
    if len(q.kernel_size) != 2:
        return Choice(map, "plain", f"the only one for {len(q.kernel_size)} spatial dimensions")
    if 0 in (q.batch, q.in_channels, q.out_channels):
        return Choice(map, "plain", "nothing to do")
    if applies("depthwise", map, q, dtype):
        return Choice(map, "depthwise", "each channel has a kernel of its own")
    if q.groups > 1:
        if q.in_channels // q.groups == 1:
            return Choice(map, "plain", "too many groups to take them one by one")
        return Choice(map, "by_group", f"{q.groups} groups")
    if q.in_channels <= 3 and (q.out_channels < WIDE or map != INPUT_GRADIENT):
        return Choice(map, "slabs", "too few channels for channels-last memory")
    if q.kernel_size == q.stride == (1, 1) and not channels_last:
        return Choice(map, "slabs", "a 1x1 kernel needs no copy of (N, C, H, W) memory")
    names = ["channels_last"]
    if map == INPUT_GRADIENT and (q.in_channels < WIDE or not channels_last):
        names += ["slabs", "bands"] if dtype.char == "f" else ["slabs"]
    if dtype.char == "f" and min(q.in_channels, q.out_channels) >= FEW:
        names += [name for name in WINOGRAD if applies(name, map, q, dtype)]
    if len(names) == 1:
        return Choice(map, "channels_last", "the exact algorithm of channels-last memory")
    times = sorted((estimate(name, map, q), name) for name in names)
    exact_time, exact = next(pair for pair in times if pair[1] not in WINOGRAD)
    shown = times[:2] if times[0][1] == exact else [times[0], (exact_time, exact)]
    listed = ", ".join(f"{name} {time:.2g} ms" for time, name in shown)
    if times[0][1] != exact and times[0][0] > WORTH * exact_time:
        return Choice(map, exact, f"no other is much faster by estimate: {listed}")
    return Choice(map, times[0][1], f"least estimated time: {listed}")


def applies(algorithm: str, map: str, geometry: Geometry, dtype: np.dtype) -> bool:
    """Whether ``algorithm`` can do this map of this convolution."""
    q = geometry
    if algorithm == "plain":
        return True
    if dtype.char not in "fdFD" or len(q.kernel_size) != 2 or 0 in (q.batch, q.in_channels, q.out_channels):
        return False
    if algorithm == "depthwise":
        return 1 < q.groups == q.in_channels == q.out_channels
    if algorithm == "by_group":
        return q.groups > 1
    if q.groups > 1:
        return False
    if algorithm == "bands":
        return map == INPUT_GRADIENT
    if algorithm.startswith(("rows", "winograd")):
        unit = q.stride == q.dilation == (1, 1) and dtype.char in "fd"
        unit = unit and all(p < k for p, k in zip(q.padding, q.kernel_size))
        if algorithm.startswith("winograd"):
            return unit and q.kernel_size == (3, 3)
        rows = q.kernel_size[0]
        return unit and rows in (3, 5) and int(algorithm.removeprefix("rows")) + rows - 1 in POINTS
    return True


def _multiplications(rows: float, inner: int, columns: int) -> float:
    """Estimated nanoseconds of a product (rows x inner) @ (inner x columns)."""
    return rows * (inner + SHORT) * (columns + NARROW) * PRODUCT


def estimate(algorithm: str, map: str, geometry: Geometry) -> float:
    """Estimated milliseconds of one core for one map, float32."""
    q = geometry
    pixels: float = q.batch * prod(q.output_size)
    channels = q.in_channels, q.out_channels
    if algorithm == "slabs":  # of the input gradient
        add = ADD + ADD_RUN / q.output_size[1]
        return CALLS + (_multiplications(q.taps, q.out_channels, int(pixels)) + pixels * q.taps * add) / 1e6
    if algorithm == "bands":
        rows, row = q.batch * q.output_size[0], q.kernel_size[0] * q.input_size[1] * q.in_channels
        product = _multiplications(rows, q.output_size[1] * q.out_channels, row)
        return CALLS + (product + rows * row * MOVE) / 1e6
    if algorithm == "channels_last":
        if map == INPUT_GRADIENT:
            pixels = q.batch * prod(q.input_size) / prod(q.stride)
            read, made = q.out_channels * prod(q.kernel_size), q.in_channels
        else:
            read, made = q.taps, q.out_channels
        return CALLS + (_multiplications(pixels, read, made) + pixels * read * MOVE) / 1e6
    read, made = reversed(channels) if map == INPUT_GRADIENT else channels
    if algorithm.startswith("rows"):
        m = int(algorithm.removeprefix("rows"))
        size = q.input_size if map == INPUT_GRADIENT else q.output_size
        tall, wide = q.kernel_size
        transformed = q.batch * ceil(size[0] / m) * (m + tall - 1) * size[1]  # pixels
        longer = 1 + (wide // 2) / size[1]  # of a line: the padding
        if map != WEIGHT_GRADIENT:
            sizes = q.batch, size, q.kernel_size, max(channels), m, 4
            samples, strips = winograd_rows.pieces(*sizes, winograd_rows.PIECE_BYTES)[0]
            lines = (samples.stop - samples.start) * (strips.stop - strips.start)
            longer *= 1 + FEW_ROWS * wide / (lines * longer * size[1])
        each = _multiplications(longer, wide * read, made) + read * ROW_TRANSFORM + made * ROW_INVERSE
        kernel = (m + tall - 1) * wide * prod(channels) * ROW_TRANSFORM
        return 2 * CALLS + (transformed * each + kernel + pixels * sum(channels) * MOVE) / 1e6
    m = int(algorithm.removeprefix("winograd"))
    tiles = q.batch * prod(ceil(n / m) for n in q.output_size)
    each = _multiplications(1, read, made) + read * TRANSFORM + made * INVERSE
    numbers = (m + 2) ** 2 * (tiles * each + prod(channels) * KERNEL)
    time = 3 * CALLS + (numbers + pixels * sum(channels) * MOVE) / 1e6
    return time * (SLOWER_GRADIENT if map == WEIGHT_GRADIENT else 1)
