"""Transforms made of transforms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.random_sampling import multinomial, rand, randperm
from cnn_physics77.core.tensor import tensor
from cnn_physics77.vision.transforms.arguments import check_transforms


class _Container(Module):
    def __init__(self, transforms: Sequence[Callable]) -> None:
        super().__init__()
        check_transforms(type(self).__name__, transforms)
        if not len(transforms):
            raise ValueError(f"{type(self).__name__}: expected at least one transform, found {transforms!r}")
        self.transforms = transforms

    def _applied(self, transforms: Sequence[Callable], inputs: tuple) -> Any:
        for transform in transforms:
            made = transform(*inputs)
            inputs = made if len(inputs) > 1 else (made,)
        return inputs if len(inputs) > 1 else inputs[0]

    def extra_repr(self) -> str:
        return "\n".join(f"    {transform}" for transform in self.transforms)


class Compose(_Container):
    """The transforms one after another, each of the whole sample.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.vision.transforms import v2
    >>> change = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.5])])
    >>> change(torch.tensor([[[0, 255]]], dtype=torch.uint8), "label")
    (tensor([[[-1.,  1.]]]), 'label')
    """

    def forward(self, *inputs: Any) -> Any:
        return self._applied(self.transforms, inputs)


class RandomApply(_Container):
    """All of the transforms, with probability ``p``."""

    def __init__(self, transforms: Sequence[Callable], p: float = 0.5) -> None:
        super().__init__(transforms)
        if not 0 <= p <= 1:
            raise ValueError(f"RandomApply: expected a probability p from 0 to 1, found {p}")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        if rand(1).item() >= self.p:
            return inputs if len(inputs) > 1 else inputs[0]
        return self._applied(self.transforms, inputs)


class RandomChoice(_Container):
    """One of the transforms, with probabilities in the proportions ``p``, by default equal ones."""

    def __init__(self, transforms: Sequence[Callable], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        weights = [1] * len(transforms) if p is None else p
        if len(weights) != len(transforms):
            raise ValueError(
                f"RandomChoice: expected one probability for each of {len(transforms)} transforms, found "
                f"{len(weights)}"
            )
        if not (all(weight >= 0 for weight in weights) and 0 < sum(weights) < math.inf):
            raise ValueError(f"RandomChoice: expected finite p, none negative and not all 0, found {weights}")
        self.p = [weight / sum(weights) for weight in weights]

    def forward(self, *inputs: Any) -> Any:
        number = int(multinomial(tensor(self.p), 1).item())
        return self._applied([self.transforms[number]], inputs)

    def extra_repr(self) -> str:
        return f"transforms={self.transforms}, p={self.p}"


class RandomOrder(_Container):
    """The transforms in a random order."""

    def forward(self, *inputs: Any) -> Any:
        order = randperm(len(self.transforms)).tolist()
        return self._applied([self.transforms[number] for number in order], inputs)

    def extra_repr(self) -> str:
        return f"transforms={self.transforms}"


__all__ = ["Compose", "RandomApply", "RandomChoice", "RandomOrder"]
