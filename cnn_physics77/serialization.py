"""``torch.serialization``: saving and loading. A file holds data alone, so that there is nothing to allow."""

import os
from collections.abc import Callable
from typing import IO, Any

from cnn_physics77 import _lacking, _places
from cnn_physics77.core.checkpoint import load, save

FILE_LIKE = str | os.PathLike[str] | IO[bytes]
MAP_LOCATION = Callable[[Any, str], Any] | str | dict[str, str] | None

__all__ = ["load", "save"]

_places.settle(globals())

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "SourceChangeWarning add_safe_globals clear_safe_globals default_restore_location get_safe_globals "
    "register_package safe_globals skip_data",
    "a file holds data alone, no classes; use torch.save and torch.load",
)
