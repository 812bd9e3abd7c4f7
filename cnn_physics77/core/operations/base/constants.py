"""Results that are constant in one of their inputs."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="constant_in", view=True)
def _constant_in(x, other):
    return x


@_constant_in.derivative("x")
def _(g):
    return g


@_constant_in.derivative("other")
def _(g, other_shape):
    return from_array(np.zeros(other_shape, g.array.dtype))


def constant_in(x: Tensor, other: Tensor) -> Tensor:
    """x, with the gradient 0 with respect to another tensor, where PyTorch gives zeros and not None.

    >>> import cnn_physics77 as torch
    >>> a, b = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    >>> torch.autograd.grad(constant_in(a, b).sum(), b)
    (tensor([0., 0., 0.]),)
    """
    return x if other.edge is None else _constant_in(x, other)
