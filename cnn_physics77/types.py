"""``torch.types``: names for the annotations of scripts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, TypeAlias

from cnn_physics77.core.backend.device import device as _device
from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.tensor import Tensor

Device: TypeAlias = _device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
Number: TypeAlias = int | float | bool
_size: TypeAlias = Size | list[int] | tuple[int, ...]
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_bool, _float, _int, _complex = bool, float, int, complex

__all__ = ["Device", "FileLike", "Number"]
