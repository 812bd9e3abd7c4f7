"""``torch.distributions.utils``: parameters of distributions, of one shape and dtype, as probabilities or
logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cnn_physics77 as torch
from cnn_physics77.core.tensor import Tensor

euler_constant = 0.57721566490153286060
"""Euler's constant, :math:`\\gamma = -\\psi(1)`."""


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """The values as tensors of one shape; numbers get the dtype of the first tensor.

    Raises:
        ValueError: one of them is neither a tensor nor a number.

    >>> broadcast_all(torch.zeros(2), 1)
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    for value in values:
        if not isinstance(value, (Tensor, int, float, complex)):
            raise ValueError(
                f"broadcast_all: expected tensors and numbers, found {type(value).__name__}; use "
                "torch.tensor() first"
            )
    kinds = [value.dtype for value in values if isinstance(value, Tensor)]
    dtype = kinds[0] if kinds else torch.get_default_dtype()
    made = [value if isinstance(value, Tensor) else torch.tensor(value, dtype=dtype) for value in values]
    return torch.broadcast_tensors(*made)


def one_of(function: str, **given: Any) -> str:
    """The name of the only argument that is not None.

    Raises:
        ValueError: there is not exactly one.
    """
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        raise ValueError(
            f"{function}: either {' or '.join(f'`{name}`' for name in given)} must be specified, but not "
            f"both, found {len(names)} of them"
        )
    return names[0]


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities at least eps away from 0 and 1."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities: the sigmoid, or the softmax over the last dimension."""
    return torch.sigmoid(logits) if is_binary else torch.softmax(logits, -1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p - log(1 - p), or log p, of probabilities that are clamped away from 0 and 1."""
    clamped = clamp_probs(probs)
    return torch.log(clamped) - torch.log1p(-clamped) if is_binary else torch.log(clamped)


class lazy_property:
    """A property that is computed, and recorded, once; after that it is an attribute."""

    def __init__(self, wrapped: Callable) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.name, value)
        return value


def _standard_normal(shape: Any, dtype: Any, device: Any = None) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, dtype=dtype, device=device)


def _sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last ``dim`` dimensions.

    >>> _sum_rightmost(torch.ones(2, 3, 4), 2)
    tensor([12., 12.])
    """
    return value.reshape((*value.shape[:-dim], -1)).sum(-1) if dim else value


__all__ = [
    "broadcast_all",
    "clamp_probs",
    "euler_constant",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
]
