"""Parts of a tensor as copies, and the names of PyTorch about conjugates that are computed late. There are
none of these here."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.broadcasting import cast, sum_to
from cnn_physics77.core.operations.base.dimensions import sizes_of, variadic
from cnn_physics77.core.operations.base.inplace_base import apply_inplace
from cnn_physics77.core.operations.indexing.cat_split import chunk, split, split_with_sizes
from cnn_physics77.core.operations.indexing.clone import clone
from cnn_physics77.core.operations.indexing.getitem import narrow
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.tensor import Tensor, method

# ------------------------------------------------------------------------------------------ copies


@method("narrow_copy")
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """:func:`narrow` as a copy.

    >>> import cnn_physics77 as torch
    >>> torch.narrow_copy(torch.tensor([1, 2, 3, 4]), 0, 1, 2)
    tensor([2, 3])
    """
    return clone(narrow(input, dim, start, length))


@method("unsafe_chunk")
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`chunk` as copies, so that each part can be changed in place.

    >>> import cnn_physics77 as torch
    >>> torch.unsafe_chunk(torch.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    return tuple(clone(part) for part in chunk(input, chunks, dim))


@method("unsafe_split")
def unsafe_split(tensor: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`split` as copies, so that each part can be changed in place.

    >>> import cnn_physics77 as torch
    >>> torch.unsafe_split(torch.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    return tuple(clone(part) for part in split(tensor, split_size, dim))


@method("unsafe_split_with_sizes")
def unsafe_split_with_sizes(input: Tensor, split_sizes, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`split_with_sizes` as copies, so that each part can be changed in place.

    >>> import cnn_physics77 as torch
    >>> torch.unsafe_split_with_sizes(torch.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return tuple(clone(part) for part in split_with_sizes(input, split_sizes, dim))


@method("sum_to_size")
@variadic
def _sum_to_size(self, size) -> Tensor:
    """The sum over the dimensions that broadcasting to this shape would add or expand. Sums of integers and
    booleans are int64.

    Raises:
        ShapeError: the sizes do not broadcast to this shape.

    >>> import cnn_physics77 as torch
    >>> torch.ones(2, 3).sum_to_size(3)
    tensor([2., 2., 2.])
    """
    size = sizes_of("sum_to_size", (tuple(size),))
    shape = self.array.shape
    own = shape[len(shape) - len(size) :]
    if len(size) > len(shape) or any(n not in (1, m) for n, m in zip(size, own)):
        raise ShapeError(f"sum_to_size: size {list(size)} is not expandable to size {list(shape)}.")
    if shape and size == shape:
        return self
    whole = self.array.dtype.kind in "biu"
    return sum_to(cast(self, dtype=np.dtype(np.int64)) if whole else self, size)


# ------------------------------------------------------------------------------------------ conjugates


@method("conj_physical")
def conj_physical(input: Tensor) -> Tensor:
    """The complex conjugate, computed now, as :func:`conj` always is here. A real tensor is returned itself.

    >>> import cnn_physics77 as torch
    >>> torch.conj_physical(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return conj(input)


@method("conj_physical_")
def conj_physical_(input: Tensor) -> Tensor:
    """:func:`conj_physical`, in place.

    >>> import cnn_physics77 as torch
    >>> torch.conj_physical_(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return apply_inplace("conj_physical_", input, conj)


@method("resolve_conj")
def resolve_conj(input: Tensor) -> Tensor:
    """The input: conjugates are never computed late here.

    >>> import cnn_physics77 as torch
    >>> torch.resolve_conj(torch.tensor([1j]).conj())
    tensor([0.-1.j])
    """
    return input


@method("resolve_neg")
def resolve_neg(input: Tensor) -> Tensor:
    """The input: signs are never changed late here.

    >>> import cnn_physics77 as torch
    >>> torch.resolve_neg(torch.tensor([1.0]))
    tensor([1.])
    """
    return input


@method("is_conj")
def is_conj(input: Tensor) -> bool:
    """False: conjugates are never computed late here.

    >>> import cnn_physics77 as torch
    >>> torch.is_conj(torch.tensor([1j]))
    False
    """
    return False


@method("is_neg")
def is_neg(input: Tensor) -> bool:
    """False: signs are never changed late here.

    >>> import cnn_physics77 as torch
    >>> torch.is_neg(torch.tensor([1.0]))
    False
    """
    return False


@method("is_nonzero")
def is_nonzero(input: Tensor) -> bool:
    """Whether the single element is not 0.

    Raises:
        ShapeError: there is not exactly one element.

    >>> import cnn_physics77 as torch
    >>> torch.is_nonzero(torch.tensor([0.0])), torch.is_nonzero(torch.tensor(True))
    (False, True)
    """
    if input.array.size != 1:
        raise ShapeError(
            f"is_nonzero: expected a tensor of one element, found {input.array.size}; use any() or all()"
        )
    return (input.array != 0).item()


__all__ = [
    *("conj_physical", "conj_physical_", "is_conj", "is_neg", "is_nonzero", "narrow_copy", "resolve_conj"),
    "resolve_neg",
    *("unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes"),
]

complete_late(__name__)
