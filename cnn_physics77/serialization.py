"""``torch.serialization``: saving and loading.

:func:`load` reads a file as data: none of its code is run. Objects of other classes, such as whole modules,
are read if their classes have been declared safe (:func:`add_safe_globals`), or with ``weights_only=False``,
which runs whatever the file says.
"""

import os
from collections.abc import Callable
from typing import IO, Any

from cnn_physics77 import _lacking, _places
from cnn_physics77.core.checkpoint import load, save
from cnn_physics77.core.safe_globals import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)

FILE_LIKE = str | os.PathLike[str] | IO[bytes]
MAP_LOCATION = Callable[[Any, str], Any] | str | dict[str, str] | None

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]

_places.settle(globals())

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "SourceChangeWarning default_restore_location register_package skip_data",
    "there is one device and one way to save; use torch.save and torch.load",
)
