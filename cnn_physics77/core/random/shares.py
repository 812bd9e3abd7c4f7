"""Shares of a whole in the proportion of gamma-distributed numbers."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.random.generator import Generator


def shares(generator: Generator, alpha: np.ndarray) -> np.ndarray:
    """Draws of the Dirichlet distribution along the last axis, as PyTorch has them: computed in double
    precision, rounded to numbers between 0 and 1, which are neither.

    >>> from cnn_physics77.core.random import default_generator
    >>> bool(shares(default_generator, np.full(2, 1e-3, np.float32)).max() < 1)
    True
    """
    drawn = as_array(generator.numpy.standard_gamma(alpha.astype(np.float64)))
    drawn = np.maximum(drawn, np.finfo(np.float64).tiny)
    parts = (drawn / drawn.sum(-1, keepdims=True)).astype(alpha.dtype)
    one = alpha.dtype.type(1)
    return np.clip(parts, np.finfo(alpha.dtype).tiny, np.nextafter(one, 1 - one))
