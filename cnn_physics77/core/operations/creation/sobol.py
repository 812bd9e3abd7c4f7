"""``SobolEngine``: Sobol's sequence of quasi-random points."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.dtypes import int64
from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.core.kernels import sobol
from cnn_physics77.core.operations.creation.creation import floating_or
from cnn_physics77.core.operations.creation.random_sampling import randint
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor, from_array


class SobolEngine:
    r"""Points of the unit cube that fill it more evenly than random ones: Sobol's sequence.

    The mean of a smooth function at n such points has an error of about 1/n, at random ones
    :math:`1/\sqrt n`. Take a power of 2.

    Args:
        dimension: from 1 to 64. PyTorch has 21201.
        scramble: whether to multiply the bits of the numbers by random triangular matrices, and to shift the
            points (Owen's scrambling).
        seed: of the scrambling; None for the global generator.

    Raises:
        ArgumentError: the dimension is out of range.

    >>> import cnn_physics77 as torch
    >>> engine = torch.quasirandom.SobolEngine(2)
    >>> engine.draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    """

    MAXBIT = sobol.BITS
    MAXDIM = sobol.DIMENSIONS

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not 1 <= dimension <= self.MAXDIM:
            raise ArgumentError(
                "SobolEngine: Supported range of dimensionality for SobolEngine is "
                f"[1, {self.MAXDIM}], found {dimension}"
            )
        self.seed = seed
        self.scramble = scramble
        self.dimension = dimension
        self.num_generated = 0
        numbers, shift = sobol.direction_numbers(dimension), np.zeros(dimension, np.int64)
        if scramble:
            generator = None if seed is None else Generator().manual_seed(seed)
            bits = randint(0, 2, (dimension, self.MAXBIT), generator=generator, dtype=int64).array
            shift = bits @ (1 << np.arange(self.MAXBIT))
            sizes = (dimension, self.MAXBIT, self.MAXBIT)
            matrices = randint(0, 2, sizes, generator=generator, dtype=int64).array
            numbers = sobol.scrambled(numbers, matrices)
        self.sobolstate, self.shift = from_array(numbers), from_array(shift)

    def draw(self, n: int = 1, out: Tensor | None = None, dtype=None) -> Tensor:
        """The next points, (n, dimension).

        Args:
            out: the tensor to write to; its size is changed.
            dtype: None is the default dtype.
        """
        kind = floating_or("SobolEngine", dtype)
        found = sobol.points(self.sobolstate.array, self.shift.array, self.num_generated, n)
        self.num_generated += n
        result = from_array(found.astype(kind) * kind.type(0.5**self.MAXBIT))
        return result if out is None else out.resize_as_(result).copy_(result)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype=None) -> Tensor:
        """The next 2^m points; see :meth:`draw`.

        Raises:
            ArgumentError: the number of all points drawn would not be a power of 2; others are not balanced.
        """
        total = self.num_generated + 2**m
        if total & (total - 1):
            raise ArgumentError(
                "SobolEngine.draw_base2: The balance properties of Sobol' points require n to be a power of "
                f"2, found {total} with the {self.num_generated} points before; use draw()"
            )
        return self.draw(2**m, out, dtype)

    def fast_forward(self, n: int) -> SobolEngine:
        """Leave out the next n points."""
        self.num_generated += n
        return self

    def reset(self) -> SobolEngine:
        """Begin again with the first point."""
        self.num_generated = 0
        return self

    def __repr__(self) -> str:
        scramble = ", scramble=True" if self.scramble else ""
        seed = "" if self.seed is None else f", seed={self.seed}"
        return f"SobolEngine(dimension={self.dimension}{scramble}{seed})"
