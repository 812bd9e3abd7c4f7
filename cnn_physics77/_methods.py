"""Functions of ``torch`` that are methods of Tensor: ``torch.exp_(x)`` is ``x.exp_()``.

>>> import cnn_physics77 as torch
>>> x = torch.tensor([-1.0, 4.0])
>>> torch.clamp_(x, min=0) is x, x
(True, tensor([0., 4.]))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_physics77._late import OF_TENSOR
from cnn_physics77.core.tensor import Tensor


def _function(name: str) -> Callable[..., Any]:
    def function(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise TypeError(
                f"{name}: argument 'input' must be Tensor, not {type(input).__name__}; use torch.tensor() "
                "first"
            )
        return getattr(input, name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "cnn_physics77"
    function.__doc__ = f"The method ``{name}`` of Tensor."
    return function


for _name in OF_TENSOR.split():
    globals()[_name] = _function(_name)
