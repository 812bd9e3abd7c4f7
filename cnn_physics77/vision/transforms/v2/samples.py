"""The transforms of :mod:`cnn_physics77.vision.transforms`, applied to the images of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.random_sampling import rand, randint
from cnn_physics77.core.random import get_rng_state, set_rng_state
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.utils._pytree import tree_flatten, tree_unflatten
from cnn_physics77.vision import transforms as v1
from cnn_physics77.vision.transforms.augmentation import between
from cnn_physics77.vision.transforms.functional import InterpolationMode
from cnn_physics77.vision.transforms.images import is_pil, white
from cnn_physics77.vision.transforms.policies import AutoAugmentPolicy
from cnn_physics77.vision.transforms.v2 import functional as F


class Transform(Module):
    """A transform of the images of a sample: of every PIL image, or else of the first tensor.

    The sample is one argument or several, or nested tuples, lists and dicts. Other parts of it stay as they
    are. A random transform draws once: several images of a sample get the same change.

    A class of one's own defines ``transform(inpt, params)``, and ``make_params(flat_inputs)`` if something is
    drawn.

    >>> import cnn_physics77 as torch
    >>> class AddNumber(Transform):
    ...     def make_params(self, flat_inputs):
    ...         return {"number": torch.randint(1, 2, (1,)).item()}
    ...
    ...     def transform(self, inpt, params):
    ...         return inpt + params["number"]
    >>> AddNumber()(torch.zeros(1, 2, 2), "label")
    (tensor([[[1., 1.],
             [1., 1.]]]), 'label')
    """

    def __call__(self, *inputs: Any) -> Any:
        leaves, spec = tree_flatten(inputs[0] if len(inputs) == 1 else inputs)
        chosen = self._chosen(leaves)
        drawn = get_rng_state() if len(chosen) > 1 else None
        for number in chosen:
            if drawn is not None:
                set_rng_state(drawn)
            leaves[number] = super().__call__(leaves[number])
        return tree_unflatten(leaves, spec)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What is drawn for the image, the one element of the list."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The changed image."""
        raise NotImplementedError(f"{type(self).__name__}: expected a class with transform(inpt, params)")

    def forward(self, inpt: Any) -> Any:
        return self.transform(inpt, self.make_params([inpt]))

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        pictures = [i for i, leaf in enumerate(leaves) if is_pil(leaf)]
        return pictures or [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)][:1]

    def extra_repr(self) -> str:
        shown = (bool, int, float, str, tuple, list, Enum)
        about = {name: value for name, value in vars(self).items() if name[0] != "_" and name != "training"}
        about = {
            n: value.value if isinstance(value, InterpolationMode) else value for n, value in about.items()
        }
        return ", ".join(f"{name}={value}" for name, value in about.items() if isinstance(value, shown))

    __repr__ = Module.__repr__


_SAME = (
    *(
        "AutoAugment",
        "CenterCrop",
        "ColorJitter",
        "ElasticTransform",
        "FiveCrop",
        "GaussianBlur",
        "Grayscale",
        "Normalize",
        "Pad",
        "RandAugment",
    ),
    *("RandomAdjustSharpness", "RandomAffine", "RandomAutocontrast", "RandomCrop", "RandomEqualize"),
    *("RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomPerspective"),
    *("RandomPosterize", "RandomRotation", "RandomSolarize", "RandomVerticalFlip"),
    *("TenCrop", "TrivialAugmentWide"),
)


def _brightest(img: Any) -> float:
    return white(img.array.dtype) if isinstance(img, Tensor) else 255.0


def _erased(self: Any, img: Any) -> Any:
    if is_pil(img):
        return F.to_pil_image(v1.RandomErasing.forward(self, F.pil_to_tensor(img)), img.mode)
    return v1.RandomErasing.forward(self, img)


def _drawn(self: Any, space: dict) -> list[tuple[str, int | None, bool]]:
    """As :meth:`.AutoAugment.drawn`, but that a sign is drawn where there is one."""
    pair = self.policies[int(randint(len(self.policies), (1,)).item())]
    return [
        (change, number, space[change][1] and self.negative())
        for change, probability, number in pair
        if rand(1).item() <= probability
    ]


_FRACTIONS = {  # of the brightest pixel, where version 1 has a threshold
    "functions": F,
    "threshold": 1.0,
    "brightest": staticmethod(_brightest),
    "negative": staticmethod(lambda: rand(1).item() <= 0.5),
}
_OTHERWISE: dict[str, dict[str, Any]] = {
    "AutoAugment": _FRACTIONS | {"drawn": _drawn},
    "RandAugment": _FRACTIONS,
    "RandomAutocontrast": {"change": lambda self, img: F.autocontrast(img)},
    "RandomEqualize": {"change": lambda self, img: F.equalize(img)},
    "RandomErasing": {"forward": _erased},
    "RandomRotation": {
        "forward": lambda self, img: F.rotate(
            img, between(*self.degrees), self.interpolation, self.expand, self.center, self.fill
        )
    },
    "RandomPosterize": {"change": lambda self, img: F.posterize(img, self.bits)},
    "TrivialAugmentWide": _FRACTIONS,
}
"""What differs from the transforms of version 1."""

for _name in _SAME:
    _kind = getattr(v1, _name)
    _own = {"__doc__": _kind.__doc__, "__module__": __name__, "forward": _kind.forward}
    globals()[_name] = type(_name, (Transform, _kind), _own | _OTHERWISE.get(_name, {}))


class Resize(Transform, v1.Resize):
    __doc__ = v1.Resize.__doc__

    def __init__(self, size: int | Sequence[int], *args: Any, **kwargs: Any) -> None:
        super().__init__(size, *args, **kwargs)
        self.size = [size] if isinstance(size, int) else [*size]

    def forward(self, img):
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class RandomResizedCrop(Transform, v1.RandomResizedCrop):
    __doc__ = v1.RandomResizedCrop.__doc__

    def forward(self, img):
        part = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *part, self.size, self.interpolation, self.antialias)


__all__ = ["AutoAugmentPolicy", "InterpolationMode", "RandomResizedCrop", "Resize", "Transform", *_SAME]
