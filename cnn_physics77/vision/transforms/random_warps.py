"""Random transforms that move the points of an image or smooth it; a part of ``torchvision.transforms``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.random_sampling import rand, randint
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.transforms import functional as F
from cnn_physics77.vision.transforms.arguments import (
    NUMBER,
    bounds_of,
    check_numbers,
    kernel_sizes,
    numbers_of,
)
from cnn_physics77.vision.transforms.augmentation import between
from cnn_physics77.vision.transforms.images import InterpolationMode, mode_of


def _angles(name: str, value: float | Sequence[float], sizes: tuple[int, ...]) -> list[float]:
    """Smallest and largest angles; one number a means from -a to a."""
    if isinstance(value, NUMBER):
        if value < 0:
            raise ValueError(
                f"RandomAffine: If {name} is a single number, it must be positive, found {value}"
            )
        return [-float(value), float(value)]
    return [float(v) for v in numbers_of("RandomAffine", name, value, *sizes)]


class RandomAffine(Module):
    """The image turned, moved, magnified and sheared at random; see :func:`.functional.affine`.

    Args:
        degrees: the smallest and largest angle; one number a means from -a to a.
        translate: the largest parts of the width and height by which it is moved.
        scale: the smallest and largest factor.
        shear: the smallest and largest angle of shear, and two of the other direction; one number a means
            from -a to a.
        interpolation, fill, center: see :func:`.functional.affine`.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = 0,
        center: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = _angles("degrees", degrees, (2,))
        moved = () if translate is None else numbers_of("RandomAffine", "translate", translate, 2)
        if not all(0 <= part <= 1 for part in moved):
            raise ValueError(f"RandomAffine: translation values should be between 0 and 1, found {translate}")
        if scale is not None and not bounds_of("RandomAffine", "scale", scale)[0] > 0:
            raise ValueError(f"RandomAffine: scale values should be positive, found {scale}")
        self.translate, self.scale = translate, scale
        self.shear = None if shear is None else _angles("shear", shear, (2, 4))
        self.interpolation = mode_of("RandomAffine", interpolation)
        self.fill, self.center = 0 if fill is None else fill, center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """An angle, a translation, a factor and two angles of shear, drawn at random."""
        angle = between(degrees[0], degrees[1])
        moved = (0, 0)
        if translate is not None:
            most = [part * size for part, size in zip(translate, img_size)]
            moved = (round(between(-most[0], most[0])), round(between(-most[1], most[1])))
        scale = 1.0 if scale_ranges is None else between(scale_ranges[0], scale_ranges[1])
        x = y = 0.0
        if shears is not None:
            x = between(shears[0], shears[1])
            y = between(shears[2], shears[3]) if len(shears) == 4 else 0.0
        return angle, moved, scale, (x, y)

    def forward(self, img):
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, F.get_image_size(img))
        return F.affine(img, *drawn, interpolation=self.interpolation, fill=self.fill, center=self.center)

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}"]
        parts += [
            f"{n}={getattr(self, n)}" for n in ("translate", "scale", "shear") if getattr(self, n) is not None
        ]
        if self.interpolation is not InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        parts += [f"fill={self.fill}"] if self.fill != 0 else []
        parts += [f"center={self.center}"] if self.center is not None else []
        return f"RandomAffine({', '.join(parts)})"


class RandomPerspective(Module):
    """The image seen from a random place, with probability ``p``; see :func:`.functional.perspective`.

    Args:
        distortion_scale: the largest part of the half of the image by which a corner moves.
        interpolation, fill: see :func:`.functional.affine`.
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        check_numbers("RandomPerspective", distortion_scale=distortion_scale)
        self.p, self.distortion_scale = p, distortion_scale
        self.interpolation = mode_of("RandomPerspective", interpolation)
        self.fill = 0 if fill is None else fill

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list, list]:
        """The corners of the image, and where they come to lie, drawn at random."""
        x, y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))

        def drawn(low: int, high: int) -> int:
            return int(randint(low, high, (1,)).item())

        left, top = (0, x + 1), (0, y + 1)
        right, bottom = (width - x - 1, width), (height - y - 1, height)
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        ends = [[drawn(*across), drawn(*down)] for across, down in corners]
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], ends

    def forward(self, img):
        if rand(1).item() >= self.p:
            return img
        width, height = F.get_image_size(img)
        points = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, *points, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return f"RandomPerspective(p={self.p})"


class GaussianBlur(Module):
    """The image smoothed by a Gaussian kernel of random width; see :func:`.functional.gaussian_blur`.

    Args:
        kernel_size: the odd size of the kernel, or (horizontal, vertical).
        sigma: the smallest and largest standard deviation, or one number.
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = kernel_sizes("GaussianBlur", kernel_size)
        pair = (sigma, sigma) if isinstance(sigma, NUMBER) else numbers_of("GaussianBlur", "sigma", sigma, 2)
        if not 0 < pair[0] <= pair[1]:
            raise ValueError(
                f"GaussianBlur: sigma values should be positive and of the form (min, max), found {sigma}"
            )
        self.sigma = pair

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A standard deviation, drawn at random."""
        return between(sigma_min, sigma_max)

    def forward(self, img: Tensor) -> Tensor:
        sigma = self.get_params(*self.sigma)
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"GaussianBlur(kernel_size={self.kernel_size}, sigma={self.sigma})"


class ElasticTransform(Module):
    """The image bent at random: each pixel is taken from a place near to it, and neighbours from neighbouring
    places (P. Simard, D. Steinkraus and J. Platt, ICDAR 2003).

    Args:
        alpha: how far, in pixels before smoothing; (horizontal, vertical), or one number.
        sigma: the standard deviation of the smoothing; see :func:`.functional.gaussian_blur`. The image must
            be larger than 4 of them.
        interpolation, fill: see :func:`.functional.elastic_transform`.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.alpha, self.sigma = (
            [float(value)] * 2
            if isinstance(value, NUMBER)
            else [float(v) for v in numbers_of("ElasticTransform", name, value, 2)]
            for name, value in (("alpha", alpha), ("sigma", sigma))
        )
        self.interpolation, self.fill = mode_of("ElasticTransform", interpolation), fill

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Tensor:
        """A displacement (1, H, W, 2), drawn at random."""
        parts = []
        for far, smooth, length in zip(alpha, sigma, (size[1], size[0])):
            part = rand(1, 1, *size) * 2 - 1
            if smooth > 0:
                part = F.gaussian_blur(part, int(8 * smooth + 1) // 2 * 2 + 1, list(sigma))
            parts.append(part * far / length)
        return cat(parts, 1).permute((0, 2, 3, 1))

    def forward(self, tensor):
        displacement = self.get_params(self.alpha, self.sigma, F.get_dimensions(tensor)[1:])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return (
            f"ElasticTransform(alpha={self.alpha}, sigma={self.sigma}, interpolation={self.interpolation}, "
            f"fill={self.fill})"
        )


__all__ = ["ElasticTransform", "GaussianBlur", "RandomAffine", "RandomPerspective"]
