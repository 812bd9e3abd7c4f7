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
    default_generator: Callable[[], np.random.Generator] = np.random.default_rng
    """The generator that draws where none is given."""

    def numpy_generator(self, generator: Any) -> np.random.Generator:
        """What draws for `generator`: NumPy's itself, else its attribute `numpy`; None is the default one.

        Raises:
            TypeError: it is none of these.
        """
        if generator is None:
            return self.default_generator()
        found = generator if isinstance(generator, np.random.Generator) else getattr(generator, "numpy", None)
        if not isinstance(found, np.random.Generator):
            raise TypeError(f"generator: expected a Generator or None, found {type(generator).__name__}")
        return found


registry = Registry()
