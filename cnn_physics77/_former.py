"""Names that PyTorch keeps for old scripts: functions whose names had no underscore at the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from cnn_physics77.core.backend.warning import warn


def former(function: Callable[..., Any], module: str) -> Callable[..., Any]:
    """The function under its former name, which warns as PyTorch does.

    Args:
        function: its name ends with an underscore.
        module: where it is, for the message.

    >>> from cnn_physics77.nn import init
    >>> former(init.zeros_, "nn.init").__name__
    'zeros'
    """
    name = function.__name__

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        warn(f"`{module}.{name[:-1]}` is now deprecated in favor of `{module}.{name}`.", FutureWarning)
        return function(*args, **kwargs)

    called.__name__ = called.__qualname__ = name[:-1]
    called.__doc__ = f"The former name of :func:`{name}`, which warns."
    return called
