"""Sparse tensors from places and values, and from dense tensors."""

from __future__ import annotations

from math import prod

import numpy as np

from cnn_physics77.core.backend.conversion import as_dtype
from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.backend.size import Size, size_of
from cnn_physics77.core.errors import GradientError, LayoutError, ShapeError
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.cast import convert
from cnn_physics77.core.operations.indexing.index_put import index_select
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.sparse.coo import SparseTensor, made
from cnn_physics77.core.operations.sparse.places import places_of
from cnn_physics77.core.tensor import Tensor, from_array, method, tensor


@operation(name="sparse_coo_tensor_with_dims_and_tensors")
def _stored(values):
    """y = x: the node and the memory by which a sparse tensor is recorded."""
    return values.copy()


@_stored.derivative("values")
def _(g):
    return g


def sparse_coo_tensor(
    indices,
    values=None,
    size=None,
    *,
    dtype=None,
    device=None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> SparseTensor:
    """A sparse tensor of the given elements ("coordinate format"); all others are 0.

    Args:
        indices: the place of each element, integers (sparse dimensions, elements). Places may be repeated:
            their elements are added.
        values: the elements, (elements, \\*sizes of the dense dimensions). Gradients flow to them.
        size: of the tensor; by default just large enough. ``sparse_coo_tensor(size)`` has no elements.
        dtype: element type; by default that of the values.
        device: ``"cpu"``; there is no other.
        requires_grad: must be False; let the values require grad instead.
        check_invariants: accepted: places are always checked.
        is_coalesced: True says that the places are sorted, each of them once.

    Returns:
        A copy of indices and values as a :class:`SparseTensor`, which has ``matmul``, ``mm``, ``mv``, ``t``,
        ``coalesce`` and ``to_dense``, and is the first operand of :func:`torch.mm`, :func:`torch.matmul` and
        :func:`torch.mv`.

    Raises:
        ShapeError: the sizes do not fit, or a place is out of bounds, or there are 2⁶³ places or more.
        GradientError: ``requires_grad`` is True.

    >>> import cnn_physics77 as torch
    >>> a = torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 0]], [3.0, 4.0, 5.0], (2, 3))
    >>> a.coalesce()
    tensor(indices=tensor([[0, 1],
                           [2, 0]]),
           values=tensor([3., 9.]),
           size=(2, 3), nnz=2, layout=torch.sparse_coo)
    >>> a @ torch.ones(3, 1)
    tensor([[3.],
            [9.]])
    """
    check_device("sparse_coo_tensor", device)
    if requires_grad:
        raise GradientError(
            "sparse_coo_tensor: expected requires_grad=False, found True, but gradients are dense here; give "
            "values that require grad"
        )
    if values is None:
        size = indices if size is None else size
        indices, values = np.empty((len(size), 0), np.int64), np.empty(0, default_dtype())
    entries = values if isinstance(values, Tensor) else tensor(values)
    if dtype is not None:
        entries = convert(entries, as_dtype("sparse_coo_tensor", dtype))
    places = (indices if isinstance(indices, Tensor) else tensor(indices)).array.astype(np.int64)
    _check(places, entries.array, size)
    if size is None:
        size = (*(places.max(axis=1, initial=-1) + 1).tolist(), *entries.array.shape[1:])
    size = size_of(tuple(map(int, size)))
    _check_bounds(places, size)
    return made(places, _stored(entries), size, places.shape[1] < 2 or bool(is_coalesced))


def _check(places: np.ndarray, entries: np.ndarray, size) -> None:
    if places.ndim != 2 or entries.ndim < 1 or len(entries) != places.shape[1]:
        raise ShapeError(
            "sparse_coo_tensor: expected indices (sparse dimensions, elements) and as many values, found "
            f"shapes {places.shape} and {entries.shape}; transpose or stack the indices"
        )
    expected = entries.shape[1:]
    if size is not None and (
        len(size) != len(places) + len(expected) or tuple(size[len(places) :]) != expected
    ):
        raise ShapeError(
            f"sparse_coo_tensor: expected a size of {len(places)} sparse dimensions and the dense sizes "
            f"{expected}, found {tuple(size)}; check the first size of indices"
        )


def _check_bounds(places: np.ndarray, size: Size) -> None:
    if prod(size[: len(places)]) >= 2**63:
        raise ShapeError(
            f"sparse_coo_tensor: expected less than 2⁶³ places, found the size {tuple(size)}, whose count "
            "of elements no integer holds; use a smaller one"
        )
    for d, (index, n) in enumerate(zip(places, size)):
        if n < 0 or (index.size and not 0 <= index.min() <= index.max() < n):
            raise ShapeError(
                "sparse_coo_tensor: size is inconsistent with indices: expected indices from 0 to size - 1 "
                f"in dimension {d} of size {n}, found {index.min(initial=0)} to {index.max(initial=0)}"
            )


@method("to_sparse")
def to_sparse(self: Tensor, sparse_dim: int | None = None) -> SparseTensor:
    """The tensor in sparse form: the elements that are not 0, coalesced. Gradients flow to these.

    Args:
        sparse_dim: how many dimensions, from the first, are sparse; by default all. An element is stored if
            one of its values is not 0.

    Raises:
        ShapeError: there are not that many dimensions, or it is 0.

    >>> import cnn_physics77 as torch
    >>> torch.eye(2).to_sparse().indices()
    tensor([[0, 1],
            [0, 1]])
    """
    shape = self.array.shape
    n = len(shape) if sparse_dim is None else sparse_dim
    if not min(1, len(shape)) <= n <= len(shape):
        raise ShapeError(
            f"to_sparse: expected sparse_dim from {min(1, len(shape))} to {len(shape)}, found {n}"
        )
    flat = reshape(self, (prod(shape[:n]), *shape[n:]))
    stored = (flat.array != 0).any(axis=tuple(range(1, flat.array.ndim)))
    numbers = np.flatnonzero(stored)
    return made(
        places_of(numbers, shape[:n]), index_select(flat, 0, from_array(numbers)), size_of(shape), True
    )


@method("to_sparse_coo")
def to_sparse_coo(self: Tensor) -> SparseTensor:
    """:meth:`to_sparse` of all dimensions."""
    return to_sparse(self)


@method("sparse_mask")
def sparse_mask(self: Tensor, mask: SparseTensor) -> SparseTensor:
    """The elements of this dense tensor that a sparse one of its shape stores, in sparse form.

    Raises:
        ShapeError: the shapes differ.
        LayoutError: the mask is dense.

    >>> import cnn_physics77 as torch
    >>> torch.ones(2, 2).sparse_mask(torch.eye(2).to_sparse()).to_dense()
    tensor([[1., 0.],
            [0., 1.]])
    """
    shape = self.array.shape
    if not isinstance(mask, SparseTensor):
        raise LayoutError("sparse_mask: expected a sparse mask, found a dense one; use .to_sparse()")
    if tuple(mask.shape) != shape:
        raise ShapeError(f"sparse_mask: expected a mask of shape {shape}, found {tuple(mask.shape)}")
    places = mask._places
    n = len(places)
    numbers = np.ravel_multi_index(tuple(places), shape[:n]) if n else np.zeros(places.shape[1], np.int64)
    flat = reshape(self, (prod(shape[:n]), *shape[n:]))
    return made(places, index_select(flat, 0, from_array(numbers)), size_of(shape), mask._coalesced)


@method("to_dense")
def to_dense(self: Tensor, dtype=None) -> Tensor:
    """The tensor itself, in the dtype if one is given. A sparse tensor: all its elements.

    >>> import cnn_physics77 as torch
    >>> torch.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0]).to_dense()
    tensor([[0., 2.],
            [3., 0.]])
    """
    return self if dtype is None else self.to(dtype)


__all__ = ["sparse_coo_tensor"]

complete_late(__name__)
