"""``torch._utils``: lists of tensors as one vector, by PyTorch's private names."""

from __future__ import annotations

from collections.abc import Sequence

from cnn_physics77.core.operations.indexing.cat_split import cat, split
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.tensor import Tensor


def _flatten_dense_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """The elements of all tensors, of one dtype, as a vector.

    >>> import cnn_physics77 as torch
    >>> _flatten_dense_tensors([torch.ones(2), torch.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return cat([reshape(tensor, (-1,)) for tensor in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Parts of a vector, of the shapes of the tensors: the inverse of :func:`_flatten_dense_tensors`.

    >>> import cnn_physics77 as torch
    >>> _unflatten_dense_tensors(torch.arange(4), [torch.ones(2), torch.zeros(1, 2)])
    (tensor([0, 1]), tensor([[2, 3]]))
    """
    parts = split(flat, [tensor.numel() for tensor in tensors])
    return tuple(reshape(part, tensor.shape) for part, tensor in zip(parts, tensors))


__all__ = ["_flatten_dense_tensors", "_unflatten_dense_tensors"]
