"""Activation functions that overwrite their input, under PyTorch's names with an underscore."""

from __future__ import annotations

from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn import activation_piecewise as piecewise
from cnn_physics77.core.operations.nn import activation_random
from cnn_physics77.core.tensor import Tensor


def relu_(input: Tensor) -> Tensor:
    """:func:`relu` in place.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([-1.0, 2.0])
    >>> torch.relu_(x) is x, x
    (True, tensor([0., 2.]))
    """
    return piecewise.relu(input, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """:func:`elu` in place."""
    return piecewise.elu(input, alpha, inplace=True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """:func:`celu` in place."""
    return piecewise.celu(input, alpha, inplace=True)


def selu_(input: Tensor) -> Tensor:
    """:func:`selu` in place."""
    return piecewise.selu(input, inplace=True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """:func:`hardtanh` in place."""
    return piecewise.hardtanh(input, min_val, max_val, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """:func:`leaky_relu` in place."""
    return piecewise.leaky_relu(input, negative_slope, inplace=True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """:func:`threshold` in place."""
    return piecewise.threshold(input, threshold, value, inplace=True)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """:func:`rrelu` in place."""
    return activation_random.rrelu(input, lower, upper, training, inplace=True)


__all__ = ["celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_"]
complete_late(__name__)
