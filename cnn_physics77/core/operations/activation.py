r"""Activation functions, each with its derivative."""

from __future__ import annotations

from cnn_physics77.core.kernels import activation as kernels
from cnn_physics77.core.operations.elementwise import unary
from cnn_physics77.core.operations.operation import operation
from cnn_physics77.core.tensor import Tensor, method


@operation(name="relu_gradient")
def _relu_gradient(g, y):
    """g where y > 0 (or NaN), else 0"""
    return kernels.relu_gradient(g, y)


@_relu_gradient.derivative("g")
def _(v, y):
    return _relu_gradient(v, y)


# The derivative of the gradient by y is zero wherever it exists: y is a constant there.
_relu = unary("relu", kernels.relu, "max(x, 0)", x=lambda g, y: _relu_gradient(g, y.detach()), floating=False)


@method("relu")
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""The rectified linear unit.

    .. math:: y = \max(x, 0), \qquad dy/dx = [x > 0], \text{ 0 at } x = 0

    NaN stays NaN.

    Raises:
        DtypeError: a complex or boolean input.

    >>> import cnn_physics77 as torch
    >>> torch.relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return _relu(input)


__all__ = ["relu"]
