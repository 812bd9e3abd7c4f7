"""The transforms of :mod:`cnn_physics77.vision.transforms`, applied to the images of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.random import get_rng_state, set_rng_state
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.utils._pytree import tree_flatten, tree_unflatten
from cnn_physics77.vision import transforms as v1
from cnn_physics77.vision.transforms.functional import InterpolationMode
from cnn_physics77.vision.transforms.images import is_pil


class Transform(Module):
    """A transform of the images of a sample: of every PIL image, or else of the first tensor.

    The sample is one argument or several, or nested tuples, lists and dicts. Other parts of it stay as they
    are. A random transform draws once: several images of a sample get the same change.
    """

    def __call__(self, *inputs: Any) -> Any:
        leaves, spec = tree_flatten(inputs[0] if len(inputs) == 1 else inputs)
        drawn = get_rng_state()
        for i, number in enumerate(self._chosen(leaves)):
            if i > 0:
                set_rng_state(drawn)
            leaves[number] = super().__call__(leaves[number])
        return tree_unflatten(leaves, spec)

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        pictures = [i for i, leaf in enumerate(leaves) if is_pil(leaf)]
        return pictures or [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)][:1]

    def extra_repr(self) -> str:
        shown = (bool, int, float, str, tuple, list)
        about = {name: value for name, value in vars(self).items() if name[0] != "_" and name != "training"}
        about = {n: value.value if isinstance(value, Enum) else value for n, value in about.items()}
        return ", ".join(f"{name}={value}" for name, value in about.items() if isinstance(value, shown))

    __repr__ = Module.__repr__


_SAME = (
    *(
        "CenterCrop",
        "ColorJitter",
        "FiveCrop",
        "GaussianBlur",
        "Grayscale",
        "Normalize",
        "Pad",
        "RandAugment",
    ),
    *("RandomAdjustSharpness", "RandomAffine", "RandomAutocontrast", "RandomCrop", "RandomEqualize"),
    *("RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomPerspective"),
    *("RandomPosterize", "RandomResizedCrop", "RandomRotation", "RandomSolarize", "RandomVerticalFlip"),
    *("TenCrop", "TrivialAugmentWide"),
)
for _name in _SAME:
    _kind = getattr(v1, _name)
    globals()[_name] = type(_name, (Transform, _kind), {"__doc__": _kind.__doc__, "__module__": __name__})


class Resize(Transform, v1.Resize):
    __doc__ = v1.Resize.__doc__

    def __init__(self, size: int | Sequence[int], *args: Any, **kwargs: Any) -> None:
        super().__init__(size, *args, **kwargs)
        self.size = [size] if isinstance(size, int) else [*size]


__all__ = ["InterpolationMode", "Resize", "Transform", *_SAME]
