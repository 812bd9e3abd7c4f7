"""``torchvision``, in part: data sets from local files, transforms, and grids of images."""

import typing as _typing

from cnn_physics77 import _lazy

if _typing.TYPE_CHECKING:
    from cnn_physics77.vision import datasets, transforms, utils

__all__ = ["datasets", "transforms", "utils"]

__getattr__, __dir__ = _lazy.attributes(globals(), dict.fromkeys(__all__, __name__))
