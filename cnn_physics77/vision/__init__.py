"""``torchvision``, in part: data sets and images from local files, transforms, models, operations on boxes,
and grids of images."""

import typing as _typing

from cnn_physics77 import _lazy

if _typing.TYPE_CHECKING:
    from cnn_physics77.vision import datasets, io, models, ops, transforms, utils

__version__ = "0.28.0"
"""The version of torchvision whose names and meaning the package has."""

__all__ = ["datasets", "io", "models", "ops", "transforms", "utils"]

__getattr__, __dir__ = _lazy.attributes(globals(), dict.fromkeys(__all__, __name__))
