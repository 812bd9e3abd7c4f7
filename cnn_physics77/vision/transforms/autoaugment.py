"""Several random changes of an image, of given strength: a part of ``torchvision.transforms``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.creation import linspace
from cnn_physics77.core.operations.creation.random_sampling import rand, randint
from cnn_physics77.vision.transforms import functional as F
from cnn_physics77.vision.transforms.images import InterpolationMode, mode_of
from cnn_physics77.vision.transforms.policies import AutoAugmentPolicy, Change, pairs_of

_Space = dict[
    str, tuple[list[float] | None, bool]
]  # of each change: its strengths, and whether they have a sign


_NO_STRENGTH: _Space = {"Invert": (None, False)}  # of AutoAugment alone


def _changed(F: Any, img: Any, change: str, strength: float, how: InterpolationMode, fill: Any) -> Any:
    """The image changed by a module of functions."""
    if change in ("ShearX", "ShearY"):
        angle = math.degrees(math.atan(strength))
        shear = [angle, 0.0] if change == "ShearX" else [0.0, angle]
        return F.affine(img, 0.0, [0, 0], 1.0, shear, how, fill, [0, 0])
    if change in ("TranslateX", "TranslateY"):
        way = [int(strength), 0] if change == "TranslateX" else [0, int(strength)]
        return F.affine(img, 0.0, way, 1.0, [0.0, 0.0], how, fill)
    if change == "Rotate":
        return F.rotate(img, strength, how, fill=fill)
    if change in ("Posterize", "Solarize"):
        return F.posterize(img, int(strength)) if change == "Posterize" else F.solarize(img, strength)
    factors = {
        "Brightness": F.adjust_brightness,
        "Color": F.adjust_saturation,
        "Contrast": F.adjust_contrast,
        "Sharpness": F.adjust_sharpness,
    }
    if change in factors:
        return factors[change](img, 1.0 + strength)
    others = {"AutoContrast": F.autocontrast, "Equalize": F.equalize, "Invert": F.invert}
    return others[change](img) if change in others else img


def _space(
    bins: int,
    shear: float,
    right: float,
    down: float,
    turn: float,
    factor: float,
    posterized: int,
    brightest: float = 255.0,
) -> _Space:
    """The changes, each with strengths from none to these largest ones."""

    def up_to(most: float, least: float = 0.0) -> list[float]:
        return linspace(least, most, bins).tolist()

    space: _Space = {"Identity": (None, False)}
    space |= {name: (up_to(shear), True) for name in ("ShearX", "ShearY")}
    space |= {
        "TranslateX": (up_to(right), True),
        "TranslateY": (up_to(down), True),
        "Rotate": (up_to(turn), True),
    }
    space |= {name: (up_to(factor), True) for name in ("Brightness", "Color", "Contrast", "Sharpness")}
    bits = [8.0 - round(number / ((bins - 1) / posterized)) for number in range(bins)]
    return space | {
        "Posterize": (bits, False),
        "Solarize": (up_to(0.0, brightest), False),
        "AutoContrast": (None, False),
        "Equalize": (None, False),
    }


class _Augment(Module):
    """What they have in common."""

    threshold = 255.0
    """The largest threshold of Solarize."""

    functions: Any = F
    """The functions of images that are used."""

    @staticmethod
    def negative() -> bool:
        """Whether a strength gets a minus, drawn at random."""
        return bool(randint(2, (1,)).item())

    @staticmethod
    def brightest(img: Any) -> float:
        """What the threshold of Solarize is multiplied by."""
        return 1.0

    def __init__(self, interpolation: Any, fill: Any) -> None:
        super().__init__()
        self.interpolation, self.fill = mode_of(type(self).__name__, interpolation), fill

    def _check_bins(self, number: int) -> int:
        if not isinstance(number, (int, np.integer)) or number < 2:
            raise (ValueError if isinstance(number, (int, np.integer)) else TypeError)(
                f"{type(self).__name__}: expected at least 2 as num_magnitude_bins, found {number!r}"
            )
        return number

    def _space_of(self, img: Any, bins: int) -> _Space:
        width, height = F.get_image_size(img)
        way = 150.0 / 331.0
        return _space(bins, 0.3, way * width, way * height, 30.0, 0.9, 4, self.threshold)

    def _one(self, img: Any, space: _Space, number: int | None) -> Any:
        """A change that is drawn; its strength is the one of this number, or is drawn, too."""
        change, (strengths, signed) = list(space.items())[int(randint(len(space), (1,)).item())]
        strength = 0.0
        if strengths is not None:
            strength = float(
                strengths[int(randint(len(strengths), (1,)).item()) if number is None else number]
            )
        if signed and self.negative():
            strength = -strength
        return self._changed(img, change, strength)

    def _changed(self, img: Any, change: str, strength: float) -> Any:
        strength = strength * self.brightest(img) if change == "Solarize" else strength
        return _changed(self.functions, img, change, strength, self.interpolation, self.fill)


class TrivialAugmentWide(_Augment):
    """One random change of random strength (S. Müller and F. Hutter, arXiv:2103.10158).

    Args:
        num_magnitude_bins: the number of strengths.
        interpolation, fill: see :func:`.functional.affine`.
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = self._check_bins(num_magnitude_bins)

    def forward(self, img):
        bins, most = self.num_magnitude_bins, self.threshold
        return self._one(img, _space(bins, 0.99, 32.0, 32.0, 135.0, 0.99, 6, most), None)

    def __repr__(self) -> str:
        return (
            f"TrivialAugmentWide(num_magnitude_bins={self.num_magnitude_bins}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )


class RandAugment(_Augment):
    """Several random changes of one strength (E. Cubuk et al., arXiv:1909.13719).

    Args:
        num_ops: how many.
        magnitude: the number of the strength, from 0 to num_magnitude_bins - 1; -1 is the last one.
        num_magnitude_bins, interpolation, fill: see :class:`TrivialAugmentWide`.
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self._check_bins(num_magnitude_bins)
        if not isinstance(num_ops, (int, np.integer)) or num_ops < 0:
            raise ValueError(f"RandAugment: expected an integer from 0 on as num_ops, found {num_ops!r}")
        if (
            not isinstance(magnitude, (int, np.integer))
            or not -num_magnitude_bins <= magnitude < num_magnitude_bins
        ):
            raise ValueError(
                f"RandAugment: expected an integer from 0 to {num_magnitude_bins - 1} as magnitude, found "
                f"{magnitude!r}; or give more num_magnitude_bins"
            )
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins

    def forward(self, img):
        space = self._space_of(img, self.num_magnitude_bins)
        for _ in range(self.num_ops):
            img = self._one(img, space, self.magnitude)
        return img

    def __repr__(self) -> str:
        return (
            f"RandAugment(num_ops={self.num_ops}, magnitude={self.magnitude}, "
            f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, "
            f"fill={self.fill})"
        )


class AutoAugment(_Augment):
    """Two changes that were found to help together, each with a probability (E. Cubuk et al.,
    arXiv:1805.09501).

    Args:
        policy: the data for which they were found.
        interpolation, fill: see :class:`TrivialAugmentWide`.
    """

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"AutoAugment: expected an AutoAugmentPolicy, found {policy!r}")
        self.policy, self._policies = policy, pairs_of(policy)

    @property
    def policies(self) -> list[tuple[Change, Change]]:
        """The pairs of changes: name, probability, and number of the strength."""
        return self._policies

    def drawn(self, space: _Space) -> list[tuple[str, int | None, bool]]:
        """The changes, the numbers of their strengths, and whether these are negative."""
        pair = self.policies[int(randint(len(self.policies), (1,)).item())]
        chances, signs = rand(2).tolist(), randint(2, (2,)).tolist()
        return [
            (change, number, not sign and space[change][1])
            for (change, probability, number), chance, sign in zip(pair, chances, signs)
            if chance <= probability
        ]

    def forward(self, img):
        space = self._space_of(img, 10) | _NO_STRENGTH
        for change, number, negative in self.drawn(space):
            strengths = space[change][0]
            strength = 0.0 if strengths is None or number is None else float(strengths[number])
            img = self._changed(img, change, -strength if negative else strength)
        return img

    def __repr__(self) -> str:
        return f"AutoAugment(policy={self.policy}, fill={self.fill})"


__all__ = ["AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]
