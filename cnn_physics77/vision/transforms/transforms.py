"""``torchvision.transforms.transforms``: transforms of images. Random ones draw as ``rand``."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.creation.random_sampling import rand, randint
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.transforms import functional as F
from cnn_physics77.vision.transforms.arguments import check_transforms, numbers_of
from cnn_physics77.vision.transforms.images import InterpolationMode, mode_of


class Compose:
    """The transforms one after another.

    >>> Compose([ToTensor(), Normalize(0.5, 0.5)])
    Compose(
        ToTensor()
        Normalize(mean=0.5, std=0.5)
    )
    """

    def __init__(self, transforms: Sequence[Callable]) -> None:
        check_transforms("Compose", transforms)
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {transform}" for transform in self.transforms), ")"])


class ToTensor:
    """A PIL image or an array (H, W, C) as a tensor (C, H, W); 8 bits become floats from 0 to 1.

    >>> import numpy as np
    >>> ToTensor()(np.array([[0, 51, 255]], np.uint8))
    tensor([[[0.0000, 0.2000, 1.0000]]])
    """

    def __call__(self, pic: Any) -> Any:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """A PIL image as a tensor (C, H, W) of its own dtype."""

    def __call__(self, pic: Any) -> Any:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return "PILToTensor()"


class ToPILImage:
    """A tensor (C, H, W) or an array (H, W, C) as a PIL image."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"ToPILImage({'' if self.mode is None else f'mode={self.mode}'})"


class Lambda:
    """A function as a transform."""

    def __init__(self, lambd: Callable) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"


class Normalize(Module):
    """(tensor - mean) / std for each channel.

    Args:
        mean: of each channel.
        std: of each channel.
        inplace: change the tensor itself.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.vision import transforms
    >>> transforms.Normalize(mean=[0.5], std=[0.25])(torch.tensor([[[0.0, 0.5, 1.0]]]))
    tensor([[[-2.,  0.,  2.]]])
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor):
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class Resize(Module):
    """A PIL image of another size; see :func:`.functional.resize`."""

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        F._sizes("Resize", size)
        self.size, self.interpolation = size, mode_of("Resize", interpolation)
        self.max_size, self.antialias = max_size, antialias

    def forward(self, img):
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (
            f"Resize(size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}, "
            f"antialias={self.antialias})"
        )


class CenterCrop(Module):
    """The middle of the image; see :func:`.functional.center_crop`."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = F._pair("CenterCrop", size)

    def forward(self, img):
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class Pad(Module):
    """The image with a margin; see :func:`.functional.pad`."""

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: float | Sequence[float] | None = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, img):
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop(Module):
    """A part of the image at a random place.

    Args:
        size: (height, width), or one number for both.
        padding: a margin that is added first; see :func:`.functional.pad`.
        pad_if_needed: add a margin to an image that is smaller than ``size``.
        fill: see :func:`.functional.pad`.
        padding_mode: see :func:`.functional.pad`.

    Raises:
        ValueError: the image, with its margin, is smaller than ``size``.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] | None = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = F._pair("RandomCrop", size)
        self.padding, self.pad_if_needed = padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The (top, left, height, width) of a crop, drawn at random."""
        width, height = F.get_image_size(img)
        rows, columns = output_size
        if height < rows or width < columns:
            raise ValueError(
                f"RandomCrop: Required crop size {(rows, columns)} is larger than input image size "
                f"{(height, width)}; give a padding, or pad_if_needed=True"
            )
        if (rows, columns) == (height, width):
            return 0, 0, height, width
        top = int(randint(0, height - rows + 1, (1,)).item())
        left = int(randint(0, width - columns + 1, (1,)).item())
        return top, left, rows, columns

    def forward(self, img):
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        width, height = F.get_image_size(img)
        if self.pad_if_needed and width < self.size[1]:
            img = F.pad(img, [self.size[1] - width, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and height < self.size[0]:
            img = F.pad(img, [0, self.size[0] - height], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomHorizontalFlip(Module):
    """The image, mirrored with probability ``p``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.vision import transforms
    >>> transforms.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[3., 2., 1.]]])
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img):
        return F.hflip(img) if rand(1).item() < self.p else img

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


class RandomVerticalFlip(Module):
    """The image, upside down with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img):
        return F.vflip(img) if rand(1).item() < self.p else img

    def __repr__(self) -> str:
        return f"RandomVerticalFlip(p={self.p})"


class RandomChoice:
    """One of the transforms, drawn by Python's ``random``.

    Args:
        p: the weights of the transforms; by default all are equal.
    """

    def __init__(self, transforms: Sequence[Callable], p: Sequence[float] | None = None) -> None:
        check_transforms("RandomChoice", transforms)
        if not len(transforms):
            raise ValueError("RandomChoice: expected at least one transform, found none")
        if p is not None:
            weights = numbers_of("RandomChoice", "p", p, len(transforms))
            if not (all(weight >= 0 for weight in weights) and 0 < sum(weights) < math.inf):
                raise ValueError(f"RandomChoice: expected finite p, none negative and not all 0, found {p}")
        self.transforms, self.p = transforms, p

    def __call__(self, img: Any) -> Any:
        return random.choices(self.transforms, weights=self.p)[0](img)

    def __repr__(self) -> str:
        return "\n".join(["RandomChoice(", *(f"    {t}" for t in self.transforms), f")(p={self.p})"])


class RandomOrder:
    """The transforms one after another, in an order drawn by Python's ``random``."""

    def __init__(self, transforms: Sequence[Callable]) -> None:
        check_transforms("RandomOrder", transforms)
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for number in order:
            img = self.transforms[number](img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["RandomOrder(", *(f"    {transform}" for transform in self.transforms), ")"])


class ConvertImageDtype(Module):
    """A tensor in another dtype; see :func:`.functional.convert_image_dtype`."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        return F.convert_image_dtype(image, self.dtype)


class LinearTransformation(Module):
    """A tensor (..., C, H, W) as a vector x, and then (x - mean) times a matrix, in its old shape again; for
    example to whiten it.

    Args:
        transformation_matrix: (C H W, C H W).
        mean_vector: (C H W).

    Raises:
        ShapeError: sizes that do not fit.

    >>> import cnn_physics77 as torch
    >>> LinearTransformation(2 * torch.eye(2), torch.ones(2))(torch.tensor([[[3.0, 4.0]]]))
    tensor([[[4., 6.]]])
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        n = len(transformation_matrix)
        if transformation_matrix.shape != (n, n) or mean_vector.shape != (n,):
            raise ShapeError(
                "LinearTransformation: expected a square matrix (D, D) and a vector (D), found shapes "
                f"{tuple(transformation_matrix.shape)} and {tuple(mean_vector.shape)}"
            )
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        n = len(self.mean_vector)
        if not isinstance(tensor, Tensor) or tensor.ndim < 3 or math.prod(tensor.shape[-3:]) != n:
            found = f"shape {tuple(tensor.shape)}" if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ShapeError(
                f"LinearTransformation: expected a tensor (..., C, H, W) with C H W = {n}, found {found}"
            )
        flat = tensor.reshape((math.prod(tensor.shape[:-3]), n)) - self.mean_vector
        return (flat @ self.transformation_matrix.to(flat.dtype)).reshape(tensor.shape)

    def __repr__(self) -> str:
        return (
            f"LinearTransformation(transformation_matrix={self.transformation_matrix.tolist()}, "
            f"mean_vector={self.mean_vector.tolist()})"
        )


class FiveCrop(Module):
    """The four corners of the image and its middle, a tuple of five images."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = F._pair("FiveCrop", size)

    def forward(self, img):
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"FiveCrop(size={self.size})"


class TenCrop(Module):
    """:class:`FiveCrop` of the image and of its mirror image, or of the image upside down."""

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size, self.vertical_flip = F._pair("TenCrop", size), vertical_flip

    def forward(self, img):
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"TenCrop(size={self.size}, vertical_flip={self.vertical_flip})"


__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "FiveCrop",
    "InterpolationMode",
    "Lambda",
    "LinearTransformation",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomChoice",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomOrder",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToPILImage",
    "ToTensor",
]
