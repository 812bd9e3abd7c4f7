"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters as one vector; it is differentiable.

    >>> import cnn_physics77 as torch
    >>> torch.nn.utils.parameters_to_vector([torch.ones(2), torch.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return F.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set the parameters, in order, to the elements of a vector.

    Raises:
        ShapeError: the vector and the parameters have different total numbers of elements.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(1, 2)
    >>> torch.nn.utils.vector_to_parameters(torch.tensor([3.0, 4.0]), [x])
    >>> x
    tensor([[3., 4.]])
    """
    parameters = list(parameters)
    total = sum(p.numel() for p in parameters)
    if vec.shape != (total,):
        raise ShapeError(
            f"vector_to_parameters: expected a vector of shape {(total,)}, the elements of all parameters, "
            f"found {vec.array.shape}"
        )
    start = 0
    for parameter in parameters:
        end = start + parameter.numel()
        parameter.array[...] = vec.array[start:end].reshape(parameter.shape)
        parameter.mark_changed()
        start = end


__all__ = ["parameters_to_vector", "vector_to_parameters"]
