"""Choosing between values: where."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.operations.broadcasting import broadcast_shapes, expand_to, prepare
from cnn_physics77.core.operations.operation import operation
from cnn_physics77.core.tensor import Tensor, from_array, method


@operation(name="where")
def _where(condition, a, b):
    """y = a where the condition holds, b elsewhere."""
    return np.where(condition, a, b)


@_where.derivative("a")
def _(g, condition):
    return _where(condition, g, _zero(g))


@_where.derivative("b")
def _(g, condition):
    return _where(condition, _zero(g), g)


def _zero(g: Tensor) -> Tensor:
    return from_array(np.zeros((), g.array.dtype))


def where(condition: Tensor, input=None, other=None):
    r"""Choose elementwise.

    .. math:: y = \begin{cases} a & \text{where the condition holds} \\ b & \text{elsewhere} \end{cases}

    Args:
        condition: boolean tensor.
        input, other: a and b, tensors or numbers; all three broadcast, a and b are brought to one dtype. Without them, the indices
            at which the condition holds, as ``nonzero(as_tuple=True)``.

    The gradient goes to the chosen operand alone, also where the other one is NaN or infinite.

    Raises:
        DtypeError: the condition is not boolean.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.where(torch.tensor([True, False]), torch.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    if condition.array.dtype.kind != "b":
        raise DtypeError(f"where: expected a boolean condition, found {condition.dtype}; compare, e.g. x > 0, or use .bool()")
    if input is None and other is None:
        return tuple(from_array(index) for index in condition.array.nonzero())
    a, b = prepare("where", (input, other), broadcast=False)
    shape = broadcast_shapes(condition.shape, a.shape, b.shape)
    a, b = (t if t.edge is None else expand_to(t, shape) for t in (a, b))
    return _where(condition, a, b)


@method("where")
def _where_method(self, condition, other):
    """See :func:`where`: this tensor where the condition holds, ``other`` elsewhere."""
    return where(condition, self, other)
