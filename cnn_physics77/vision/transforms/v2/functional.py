"""``torchvision.transforms.v2.functional``: functions of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import float32
from cnn_physics77.core.tensor import Tensor, from_array
from cnn_physics77.vision.transforms.arguments import check_dtype
from cnn_physics77.vision.transforms.functional import *  # noqa: F403
from cnn_physics77.vision.transforms.functional import convert_image_dtype, hflip, pil_to_tensor, vflip
from cnn_physics77.vision.transforms.images import is_pil

horizontal_flip, vertical_flip = hflip, vflip


def to_image(inpt: Any) -> Tensor:
    """A PIL image or an array (H, W, C) or (H, W) as a tensor (C, H, W) of its dtype; a tensor itself.

    >>> to_image(np.zeros((4, 5, 3), np.uint8)).shape
    torch.Size([3, 4, 5])
    """
    if is_pil(inpt):
        return pil_to_tensor(inpt)
    if isinstance(inpt, np.ndarray):
        return from_array(np.atleast_3d(inpt).transpose(2, 0, 1).copy())
    if isinstance(inpt, Tensor):
        return inpt
    raise TypeError(f"to_image: expected a PIL image, an array or a tensor, found {type(inpt).__name__}")


def to_dtype(inpt: Tensor, dtype: Any = float32, scale: bool = False) -> Tensor:
    """A tensor in another dtype; with ``scale`` by :func:`convert_image_dtype`: what is white stays white."""
    if not isinstance(inpt, Tensor):
        raise TypeError(f"to_dtype: expected a tensor, found {type(inpt).__name__}; convert it by to_image")
    check_dtype("to_dtype", dtype)
    if not scale:
        return inpt.to(dtype)
    if inpt.array.dtype.kind in "iu" and np.dtype(dtype).kind == "f":
        return inpt.to(dtype) * (1 / np.iinfo(inpt.array.dtype).max)  # version 1 divides: other last digits
    return convert_image_dtype(inpt, dtype)
