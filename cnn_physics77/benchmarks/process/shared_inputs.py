"""The inputs that both frameworks share, as files in one folder: images, initial weights, order of batches.

Everything is drawn here once, with NumPy's Generator, and read by each framework's process. A shared seed
would not be enough: the frameworks draw different numbers from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...datasets import ImageData
from ...results import ParameterShape

STANDARD_DEVIATION = 0.01
"""Standard deviation of the specification's initial weights."""

_WEIGHTS, _ORDER = 0, 1  # independent streams of one seed


def draw_weights(parameters: list[ParameterShape], seed: int, model: str = "CNN") -> dict[str, np.ndarray]:
    """Initial values in float64, drawn in the order of `parameters`.

    Parameters with one axis are zeros, or ones if they are a normalization's scale (named ``weight``). The
    others are normal with mean 0. Their standard deviation is 0.01 for the specification's network, and
    ``sqrt(2 / fan_in)`` for deeper ones, which would not learn from weights that small (He et al.,
    arXiv:1502.01852).

    >>> weights = draw_weights([ParameterShape("fc.weight", [2, 3]), ParameterShape("fc.bias", [2])], seed=0)
    >>> weights["fc.weight"].shape, weights["fc.bias"].tolist()
    ((2, 3), [0.0, 0.0])
    """
    generator = np.random.default_rng([seed, _WEIGHTS])
    drawn = {}
    for parameter in parameters:
        shape = tuple(parameter.shape)
        if len(shape) < 2:
            drawn[parameter.name] = np.full(shape, float(parameter.name.endswith("weight")))
            continue
        scale = STANDARD_DEVIATION if model == "CNN" else np.sqrt(2 / np.prod(shape[1:]))
        drawn[parameter.name] = generator.normal(0, scale, shape)
    return drawn


def draw_order(size: int, seed: int, epoch: int) -> np.ndarray:
    """The permutation of `size` training images for (seed, epoch), int64.

    >>> sorted(draw_order(5, seed=67, epoch=1).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(size)


def digest(arrays: Mapping[str, np.ndarray] | np.ndarray) -> str:
    """SHA-256 over names, dtypes, shapes and values, in the order of the names.

    >>> digest({"a": np.zeros(2)}) == digest({"a": np.zeros(2)}) != digest({"a": np.zeros(2, np.float32)})
    True
    """
    found = hashlib.sha256()
    if isinstance(arrays, np.ndarray):
        arrays = {"": arrays}
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.data if array.size else b"")
    return found.hexdigest()


class SharedInputs:
    """The folder. The parent writes it; the processes of the frameworks read it."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._data: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}

    def write_data(
        self, data: ImageData, train_size: int | None = None, test_size: int | None = None
    ) -> None:
        """Store images and labels, at most `train_size` and `test_size` of them."""
        np.save(self.folder / "train_images.npy", data.train_images[:train_size])
        np.save(self.folder / "train_labels.npy", data.train_labels[:train_size])
        np.save(self.folder / "test_images.npy", data.test_images[:test_size])
        np.save(self.folder / "test_labels.npy", data.test_labels[:test_size])

    def read_data(self, part: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
        """Images of `part` ("train" or "test") scaled to [0, 1] in `dtype`, and labels; read once."""
        if (part, dtype) not in self._data:
            images = np.load(self.folder / f"{part}_images.npy")
            labels = np.load(self.folder / f"{part}_labels.npy")
            self._data[part, dtype] = np.divide(images, 255, dtype=dtype), labels
        return self._data[part, dtype]

    def write_weights(self, parameters: list[ParameterShape], seed: int, model: str) -> str:
        """Draw and store initial weights; return the name for `read_weights`."""
        weights = draw_weights(parameters, seed, model)
        name = digest(weights)
        np.savez(self.folder / f"weights_{name}.npz", **weights)  # type: ignore[arg-type]
        return name

    def read_weights(self, name: str) -> dict[str, np.ndarray]:
        """The weights that `write_weights` stored under `name`."""
        with np.load(self.folder / f"weights_{name}.npz") as stored:
            return {key: stored[key] for key in stored.files}

    def write_order(self, size: int, seed: int, epoch: int) -> str:
        """Draw and store the permutation of (seed, epoch); return its hash."""
        order = draw_order(size, seed, epoch)
        np.save(self.folder / f"order_{seed}_{epoch}.npy", order)
        return digest(order)

    def read_order(self, seed: int, epoch: int) -> np.ndarray:
        """The permutation that `write_order` stored."""
        return np.load(self.folder / f"order_{seed}_{epoch}.npy")
