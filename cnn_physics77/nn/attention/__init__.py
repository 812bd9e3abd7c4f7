"""``torch.nn.attention``: which implementation ``scaled_dot_product_attention`` may choose.

There is one here, so the choice is checked and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum


class SDPBackend(int, Enum):
    """PyTorch's implementations of attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict]:
    """A context in which attention may be computed by these implementations only.

    Raises:
        AssertionError: neither an :class:`SDPBackend` nor a list.

    >>> import cnn_physics77 as torch
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     torch.nn.functional.scaled_dot_product_attention(*torch.ones(3, 1, 2, 2))
    tensor([[[1., 1.],
             [1., 1.]]])
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            f"sdpa_kernel: expected an SDPBackend or a list of them, found {type(backends).__name__}"
        )
    yield {}


__all__ = ["SDPBackend", "sdpa_kernel"]
