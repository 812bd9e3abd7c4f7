"""Batches of images mixed with their labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.random_sampling import randint
from cnn_physics77.core.random import default_generator
from cnn_physics77.core.random.shares import shares
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.nn.functional import one_hot


def _proportion(alpha: float) -> float:
    """Of Beta(α, α)."""
    return float(shares(default_generator, np.array([alpha, alpha], np.float32))[0])


class _Mixing(Module):
    """A transform of (images (N, C, H, W), labels (N) or their probabilities (N, K))."""

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None) -> None:
        super().__init__()
        if not 0 < alpha < math.inf:
            raise ValueError(f"{type(self).__name__}: expected a positive, finite alpha, found {alpha}")
        self.alpha, self.num_classes = float(alpha), num_classes

    def forward(self, *inputs: Any) -> Any:
        sample = inputs[0] if len(inputs) == 1 else inputs
        name = type(self).__name__
        if (
            not isinstance(sample, (tuple, list))
            or len(sample) != 2
            or not all(isinstance(part, Tensor) for part in sample)
        ):
            raise TypeError(
                f"{name}: expected two tensors, images and labels, found "
                f"{[type(part).__name__ for part in inputs]}"
            )
        images, labels = sample
        if images.ndim != 4 or labels.shape[:1] != images.shape[:1] or labels.ndim not in (1, 2):
            raise ShapeError(
                f"{name}: expected images (N, C, H, W) and labels (N) or (N, K), found shapes "
                f"{tuple(images.shape)} and {tuple(labels.shape)}"
            )
        if labels.ndim == 1:
            if self.num_classes is None:
                raise ValueError(f"{name}: expected num_classes for labels that are numbers, found None")
            labels = one_hot(labels, num_classes=self.num_classes)
        labels = labels if labels.is_floating_point() else labels.float()
        mixed, part = self._mixed(images, _proportion(self.alpha))
        result = mixed, labels.roll(1, 0) * (1 - part) + labels * part
        return [*result] if isinstance(sample, list) else result

    def _mixed(self, images: Tensor, part: float) -> tuple[Tensor, float]:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, num_classes={self.num_classes}"


class MixUp(_Mixing):
    """Each image is λ times itself and 1 - λ times the one before it, with λ from Beta(α, α); so are the
    labels (H. Zhang et al., arXiv:1710.09412).

    Args:
        alpha: α.
        num_classes: for labels that are numbers.

    >>> import cnn_physics77 as torch
    >>> images, labels = MixUp(num_classes=2)(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 1, 0]))
    >>> images.shape, labels.sum(1)
    (torch.Size([4, 3, 8, 8]), tensor([1., 1., 1., 1.]))
    """

    def _mixed(self, images: Tensor, part: float) -> tuple[Tensor, float]:
        return images.roll(1, 0) * (1 - part) + images * part, part


class CutMix(_Mixing):
    """A rectangle of each image is that of the one before it; the labels are mixed by the areas (S. Yun et
    al., arXiv:1905.04899). The arguments are those of :class:`MixUp`.
    """

    def _mixed(self, images: Tensor, part: float) -> tuple[Tensor, float]:
        height, width = images.shape[-2:]
        x, y = (int(randint(n, (1,)).item()) for n in (width, height))
        half = 0.5 * math.sqrt(1 - part)
        left, right = _around(x, int(half * width), width)
        top, bottom = _around(y, int(half * height), height)
        mixed = images.clone()
        mixed[..., top:bottom, left:right] = images.roll(1, 0)[..., top:bottom, left:right]
        return mixed, 1 - (right - left) * (bottom - top) / (width * height)


def _around(middle: int, reach: int, size: int) -> tuple[int, int]:
    return max(middle - reach, 0), min(middle + reach, size)


__all__ = ["CutMix", "MixUp"]
