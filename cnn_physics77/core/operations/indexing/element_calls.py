"""Elements computed in place by a function of Python, one call for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.operations.base.inplace_base import write
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, method


@method("apply_")
def _apply_(self, callable: Callable) -> Tensor:
    """Replace each element by ``callable(element)``, in place. The function takes and returns a number of
    Python.

    Raises:
        GradientError: the tensor requires grad.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([1.0, 2.0]).apply_(lambda x: 10 * x)
    tensor([10., 20.])
    """
    return _each("apply_", self, callable)


@method("map_")
def _map_(self, tensor: Tensor, callable: Callable) -> Tensor:
    """Replace each element by ``callable(element, other)``, in place, with the elements of another tensor,
    which is broadcast.

    Raises:
        GradientError: a tensor requires grad.
        ShapeError: the other tensor does not broadcast to this shape.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([1.0, 2.0]).map_(torch.tensor(3.0), lambda x, y: x - y)
    tensor([-2., -1.])
    """
    return _each("map_", self, callable, tensor)


@method("map2_")
def _map2_(self, x: Tensor, y: Tensor, callable: Callable) -> Tensor:
    """:meth:`map_` with two other tensors: ``callable(element, x, y)``.

    >>> import cnn_physics77 as torch
    >>> torch.tensor([1.0]).map2_(torch.tensor([2.0]), torch.tensor([3.0]), lambda a, x, y: a + x * y)
    tensor([7.])
    """
    return _each("map2_", self, callable, x, y)


def _each(name: str, input: Tensor, callable: Callable, *others: Tensor) -> Tensor:
    if any(tensor.edge is not None for tensor in (input, *others)):
        raise GradientError(
            f"{name}: can't call {name} on a Tensor that requires grad; use tensor.detach().{name} instead"
        )
    arrays = (input.array, *(other.expand_as(input).array for other in others))
    values = [callable(*numbers) for numbers in zip(*(array.ravel().tolist() for array in arrays))]
    write(name, input, np.array(values, input.array.dtype).reshape(input.array.shape))
    return input


complete_late(__name__)
