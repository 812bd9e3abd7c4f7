"""What a batch is made of, told to this room by the rooms above it.

Data lie below Tensors and generators, yet a loader hands out Tensors and shuffles with a generator. So the
rooms above write their types into the one `registry` here. Before they do, batches are plain NumPy arrays and
generators are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


def _numpy_generator(generator: Any) -> np.random.Generator:
    return np.random.default_rng() if generator is None else generator


class _NoTensor:
    """Stands where no tensor type is known yet; nothing is an instance of it."""


@dataclass
class Registry:
    """The types and functions that the rooms above fill in."""

    tensor_type: type = _NoTensor
    """The class whose instances are stacked into batches."""
    from_array: Callable[[np.ndarray], Any] = np.asarray
    """NumPy array to tensor, sharing memory."""
    stack: Callable[[Sequence[Any]], Any] = np.stack
    """Tensors of one shape to one tensor with a new first axis."""
    numpy_generator: Callable[[Any], np.random.Generator] = _numpy_generator
    """A public generator (None for the default one) to the NumPy Generator that draws for it."""


registry = Registry()
