"""What an algorithm for convolution is, and the measured times from which it estimates its cost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cnn_physics77.core.kernels.convolution.shapes import ConvolutionShapes
from cnn_physics77.core.kernels.runtime.parallel import Steps, at_once

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input_gradient", "weight_gradient"

# Nanoseconds of one core, float32, as measured on Zen 3 and 4 with AVX2; only their relations decide. What
# AVX-512 changes in them stands with each algorithm.
MULTIPLY = 2 / 94  # one multiplication and addition in a product of large matrices
NARROW, SHORT = 5, 8  # columns and inner length: a product with as few takes twice the time for each
MOVE = 0.3  # one number moved in im2col
CALLS = 0.05  # milliseconds, of the calls themselves
SCREENED_CALLS = 4 * CALLS  # of what is screened (see `dynamic_range`), for each screen


@dataclass(frozen=True, slots=True)
class Problem:
    """One map of one convolution.

    Args:
        map: "forward", "input_gradient" or "weight_gradient".
        dtype: of both operands; of kind object where they differ.
        channels_last: whether the images that the map reads have contiguous channels.
    """

    map: str
    shapes: ConvolutionShapes
    dtype: np.dtype
    channels_last: bool = True

    @property
    def is_planar(self) -> bool:
        """Whether it has two spatial dimensions, is not empty, and is of a dtype that BLAS multiplies."""
        s = self.shapes
        return (
            self.dtype.char in "fdFD"
            and len(s.kernel_size) == 2
            and 0 not in (s.batch, s.in_channels, s.out_channels)
        )


@dataclass(frozen=True, eq=False)
class Algorithm:
    """One way to compute convolutions.

    Attributes:
        applies: whether it can do a problem.
        cost: its estimated milliseconds of one core; infinite where it is known to lose to another one.
        forward: ``forward(x, weight, shapes, bias)``; this and the next two are None for maps that it lacks.
        input_gradient: ``input_gradient(g, weight, shapes)``.
        weight_gradient: ``weight_gradient(g, x, shapes)``.
        stepwise: whether these functions are steps (`parallel.Steps`), whose loops may run with others.
        exact: whether its rounding error is that of im2col and one product.
        pads: the maps in which it multiplies by zeros outside of the images, where windows reach beyond them.
    """

    name: str
    applies: Callable[[Problem], bool]
    cost: Callable[[Problem], float]
    forward: Callable | None = None
    input_gradient: Callable | None = None
    weight_gradient: Callable | None = None
    stepwise: bool = False
    exact: bool = True
    pads: tuple[str, ...] = (FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT)

    def does(self, problem: Problem) -> bool:
        """Whether it has the map and can do the problem."""
        return getattr(self, problem.map) is not None and self.applies(problem)

    def reads_outside(self, map: str, shapes: ConvolutionShapes) -> bool:
        """Whether it multiplies by zeros outside of what a map reads, which is g for the input gradient."""
        reached = map == INPUT_GRADIENT and any(size > 1 for size in shapes.kernel_size)
        return map in self.pads and (reached or any(shapes.padding))

    def steps(self, map: str, *arguments: object) -> Steps[np.ndarray]:
        """The steps of a map."""
        function = getattr(self, map)
        return function(*arguments) if self.stepwise else at_once(function, *arguments)


@cache
def has_avx512() -> bool:
    """Whether NumPy computes with AVX-512."""
    settings: Any = np.show_config(mode="dicts")
    found = settings["SIMD Extensions"].get("found", ())  # not there where none was found
    return any(name == "X86_V4" or name.startswith("AVX512") for name in found)


def product_time(rows: float, inner: int, columns: int) -> float:
    """Estimated nanoseconds of a product (rows x inner) @ (inner x columns)."""
    return rows * (inner + SHORT) * (columns + NARROW) * MULTIPLY
