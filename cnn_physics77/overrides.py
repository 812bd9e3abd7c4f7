"""``torch.overrides``: what stands for a tensor. Functions do not ask for ``__torch_function__``.

A subclass of Tensor is a tensor like any other, and what is computed from it is a Tensor.
"""

from collections.abc import Sequence
from typing import Any

from cnn_physics77 import _lacking
from cnn_physics77.core.tensor import Tensor


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or of a class that has ``__torch_function__``.

    >>> import cnn_physics77 as torch
    >>> torch.overrides.is_tensor_like(torch.ones(1)), torch.overrides.is_tensor_like([1.0])
    (True, False)
    """
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def has_torch_function(relevant_args: Sequence) -> bool:
    """False: no class takes a function over."""
    return False


def has_torch_function_unary(arg: Any) -> bool:
    """False: see :func:`has_torch_function`."""
    return False


def has_torch_function_variadic(*args: Any) -> bool:
    """False: see :func:`has_torch_function`."""
    return False


__all__ = [
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "TorchFunctionMode get_ignored_functions get_overridable_functions get_testing_overrides "
    "handle_torch_function redispatch_function resolve_name wrap_torch_function",
    "functions do not ask for __torch_function__; give the class methods of its own",
)
