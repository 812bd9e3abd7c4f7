"""``torch._foreach_*``: one operation on each tensor of a list, as optimizers written for PyTorch call it.

Any argument may be a list with one entry for each tensor, or what all share. Functions whose names end with
``_`` work in place, and return the list; the others return a tuple.

>>> import cnn_physics77 as torch
>>> torch._foreach_mul([torch.ones(2), torch.ones(1)], [2.0, 3.0])
(tensor([2., 2.]), tensor([3.]))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cnn_physics77 as torch
from cnn_physics77._late import FOREACH
from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.core.tensor import Tensor

_METHODS = {
    "maximum": "clamp_min",
    "minimum": "clamp_max",
    "maximum_": "clamp_min_",
    "minimum_": "clamp_max_",
}
"""The methods of other names; these take numbers too."""
_VALUES = {"addcdiv", "addcdiv_", "addcmul", "addcmul_"}
"""The functions that take ``value`` by position."""


def _one(name: str) -> Callable[..., Any]:
    """The operation on one tensor."""
    if name == "norm":
        return torch.linalg.vector_norm
    method = getattr(Tensor, _METHODS.get(name, name))
    if name in _VALUES:
        return lambda x, y, z, value=1: method(x, y, z, value=value)
    if name == "pow":
        return torch.pow
    return method


def _many(name: str) -> Callable[..., Any]:
    function, one = f"_foreach_{name}", _one(name)

    def each(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        counts = {len(value) for value in given if isinstance(value, (list, tuple))}
        if len(counts) != 1 or counts == {0}:
            raise ArgumentError(
                f"{function}: expected lists of one length, at least 1, found lengths {sorted(counts)}"
            )
        (count,) = counts
        lists = [value if isinstance(value, (list, tuple)) else [value] * count for value in given]
        made = tuple(one(*x[: len(args)], **dict(zip(kwargs, x[len(args) :]))) for x in zip(*lists))
        return args[0] if name.endswith("_") else made

    each.__name__ = each.__qualname__ = function
    each.__doc__ = f"``{name}`` of each tensor of a list."
    return each


for _name in FOREACH.split():
    globals()[f"_foreach_{_name}"] = _many(_name)
