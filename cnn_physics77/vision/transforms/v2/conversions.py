"""Transforms to and from tensors, and functions as transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import float32
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.transforms.arguments import check_dtype
from cnn_physics77.vision.transforms.images import is_pil
from cnn_physics77.vision.transforms.v2 import functional as F
from cnn_physics77.vision.transforms.v2.samples import Transform


class _OfPictures(Transform):
    """A transform of all PIL images and arrays."""

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        return [i for i, leaf in enumerate(leaves) if is_pil(leaf) or isinstance(leaf, np.ndarray)]


class ToImage(_OfPictures):
    """PIL images and arrays as tensors (C, H, W) of their dtype."""

    def forward(self, inpt: Any) -> Tensor:
        return F.to_image(inpt)


class PILToTensor(Transform):
    """PIL images as tensors (C, H, W) of their dtype."""

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        return [i for i, leaf in enumerate(leaves) if is_pil(leaf)]

    def forward(self, inpt: Any) -> Tensor:
        return F.pil_to_tensor(inpt)


class ToTensor(_OfPictures):
    """PIL images and arrays as tensors (C, H, W); 8 bits become floats from 0 to 1."""

    def forward(self, inpt: Any) -> Tensor:
        return F.to_tensor(inpt)


class ToPILImage(Transform):
    """A tensor (C, H, W), or else an array (H, W, C), as a PIL image."""

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        return [i for i, leaf in enumerate(leaves) if isinstance(leaf, (Tensor, np.ndarray))][:1]

    def forward(self, inpt: Any) -> Any:
        return F.to_pil_image(inpt, self.mode)


class ToDtype(Transform):
    """The image, if it is a tensor, in another dtype; with ``scale`` what is white stays white. A sample with
    PIL images stays as it is: put :class:`ToImage` before it.
    """

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        check_dtype(type(self).__name__, dtype)
        self.dtype, self.scale = dtype, scale

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        chosen = super()._chosen(leaves)
        return [i for i in chosen if isinstance(leaves[i], Tensor)]

    def forward(self, inpt: Any) -> Tensor:
        return F.to_dtype(inpt, self.dtype, self.scale)


class ConvertImageDtype(ToDtype):
    """:class:`ToDtype` with ``scale``."""

    def __init__(self, dtype: Any = float32) -> None:
        super().__init__(dtype, scale=True)

    def extra_repr(self) -> str:
        return ""


class Identity(Transform):
    """The sample itself."""

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        return []


class ToPureTensor(Identity):
    """The sample itself, as images are plain tensors here."""


class Lambda(Transform):
    """A function as a transform, of the parts of the sample that are of these types."""

    def __init__(self, lambd: Callable, *types: type) -> None:
        super().__init__()
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, found {type(lambd).__name__!r}")
        self.lambd, self.types = lambd, types or (object,)

    def _chosen(self, leaves: Sequence[Any]) -> list[int]:
        return [i for i, leaf in enumerate(leaves) if isinstance(leaf, self.types)]

    def forward(self, inpt: Any) -> Any:
        return self.lambd(inpt)

    def extra_repr(self) -> str:
        return (
            f"{getattr(self.lambd, '__name__', self.lambd)}, types={[kind.__name__ for kind in self.types]}"
        )


__all__ = [
    "ConvertImageDtype",
    "Identity",
    "Lambda",
    "PILToTensor",
    "ToDtype",
    "ToImage",
    "ToPILImage",
    "ToPureTensor",
    "ToTensor",
]
