"""``functionalize``: here the function itself, as no transform needs one without changes in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from cnn_physics77.core.errors import ArgumentError


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """A function that returns the same, and changes its arguments in place in the same way.

    PyTorch's replaces changes in place, and views, by other operations, for tracers that would not record
    them. All transforms here take functions with changes in place as they are.

    Args:
        remove: "mutations" or "mutations_and_views".

    Raises:
        ArgumentError: another ``remove``.

    >>> import cnn_physics77 as torch
    >>> torch.func.functionalize(lambda x: (x * 2).add_(1))(torch.ones(2))
    tensor([3., 3.])
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise ArgumentError(
            f"functionalize: expected remove to be 'mutations' or 'mutations_and_views', found {remove!r}"
        )

    @wraps(func)
    def called(*args, **kwargs):
        return func(*args, **kwargs)

    return called
