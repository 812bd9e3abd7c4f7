"""Sparse tensors: the positions of the elements that are stored, and their values.

The values are an ordinary tensor with a history, and all that is computed from them consists of operations.
So there are first and second derivatives with respect to the values and to dense operands.
"""

from __future__ import annotations

from math import prod
from typing import Any, NoReturn

import numpy as np

from cnn_physics77.core.backend.device import layout, sparse_coo
from cnn_physics77.core.backend.dtype import dtype as Dtype
from cnn_physics77.core.backend.size import Size, size_of
from cnn_physics77.core.errors import DtypeError, GradientError, LayoutError, ShapeError
from cnn_physics77.core.kernels import rows as kernels
from cnn_physics77.core.operations.base.broadcasting import can_cast
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation.creation import zeros
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.index_put import index_add, index_select
from cnn_physics77.core.operations.indexing.shape import reshape
from cnn_physics77.core.operations.pointwise.arithmetic import div, mul, neg
from cnn_physics77.core.operations.sparse.places import common, groups, numbers_of, places_of
from cnn_physics77.core.operations.sparse.products import weighted_rows
from cnn_physics77.core.printing import sparse_text_of
from cnn_physics77.core.tensor import Tensor, from_array


class SparseTensor(Tensor):
    """A tensor whose zeros are not stored: ``torch.sparse_coo_tensor`` and ``Tensor.to_sparse`` make it.

    The element stored as number e is ``values[e]``, at the place ``indices[:, e]``. Elements at one place are
    added (:meth:`coalesce` does so), and all others are 0. What is not listed here raises LayoutError: use
    :meth:`to_dense`. There is no other sparse layout (CSR, CSC, BSR), and gradients are dense.
    """

    is_sparse = True
    _printed_as = "tensor("
    _places: np.ndarray  # int64, (sparse dimensions, stored elements)
    _entries: Tensor  # (stored elements, *dense sizes)
    _size: Size
    _coalesced: bool

    @property
    def array(self) -> NoReturn:  # type: ignore[override]
        """Raises LayoutError: there is no array of all elements."""
        raise LayoutError(
            f"expected a dense tensor, found a sparse one of shape {tuple(self._size)}, for which this "
            "operation is not implemented; use .to_dense()"
        )

    @property
    def edge(self) -> Any:
        """Where the gradient of the values is sent."""
        return self._entries.edge

    @property
    def data(self) -> SparseTensor:
        """A constant tensor of the same elements. An assigned sparse tensor replaces the elements."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, SparseTensor):
            raise LayoutError("data: expected a sparse tensor, found a dense one; use .to_sparse()")
        vars(self).update(vars(value))

    # ---------------------------------------------------------------------------------- what is stored

    def is_coalesced(self) -> bool:
        """Whether the places are sorted, each of them once."""
        return self._coalesced

    def coalesce(self) -> SparseTensor:
        """The same tensor with its places in lexicographic order, each of them once; elements at one place
        are added. It is itself if it is so already."""
        if self._coalesced:
            return self
        sizes = self._size[: len(self._places)]
        numbers, group = groups(self._places, sizes)
        entries = grouped_sum(self._entries, group=group, count=len(numbers))
        return made(places_of(numbers, sizes), entries, self._size, True)

    def indices(self) -> Tensor:
        """The places of the stored elements, int64 (sparse dimensions, stored elements).

        Raises:
            LayoutError: the tensor is not coalesced.
        """
        self._check_coalesced("indices")
        return from_array(self._places)

    def values(self) -> Tensor:
        """The stored elements, (stored elements, \\*sizes of the dense dimensions), with their history.

        Raises:
            LayoutError: the tensor is not coalesced.
        """
        self._check_coalesced("values")
        return self._entries

    def _check_coalesced(self, what: str) -> None:
        if not self._coalesced:
            raise LayoutError(
                f"{what}: Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
            )

    def _indices(self) -> Tensor:
        return from_array(self._places)

    def _values(self) -> Tensor:
        return self._entries.detach()

    def _nnz(self) -> int:
        return self._places.shape[1]

    def sparse_dim(self) -> int:
        """The number of dimensions that ``indices`` counts."""
        return len(self._places)

    def dense_dim(self) -> int:
        """The number of further dimensions, those of each stored element."""
        return len(self._size) - len(self._places)

    # ---------------------------------------------------------------------------------- description

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return self._size

    @property
    def dtype(self) -> Dtype:
        """The element type."""
        return self._entries.dtype

    @property
    def layout(self) -> layout:
        """``torch.sparse_coo``."""
        return sparse_coo

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    ndimension = dim

    def size(self, dim: int | None = None):
        """The sizes, or the size of one dimension."""
        return self._size if dim is None else self._size[dimension("size", dim, len(self._size))]

    def numel(self) -> int:
        """The number of elements, stored or not."""
        return prod(self._size)

    nelement = numel

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating dtype."""
        return self._entries.is_floating_point()

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self._entries.is_complex()

    def __len__(self) -> int:
        return self._size[0]

    def __repr__(self) -> str:
        return sparse_text_of(self._places, self._entries.array, self._size, self._notes())

    # ---------------------------------------------------------------------------------- conversions

    def to_dense(self, dtype=None) -> Tensor:
        """The tensor with all its elements, in the dtype if one is given."""
        sizes = self._size[: len(self._places)]
        flat = zeros(prod(sizes), *self._size[len(sizes) :], dtype=self.dtype)
        place = from_array(numbers_of(self._places, sizes))
        y = reshape(index_add(flat, 0, place, self._entries), self._size)
        return y if dtype is None else y.to(dtype)

    def to_sparse(self, sparse_dim: int | None = None) -> SparseTensor:
        """The tensor itself.

        Raises:
            LayoutError: another number of sparse dimensions is asked for.
        """
        if sparse_dim not in (None, self.sparse_dim()):
            raise LayoutError(
                f"to_sparse: expected sparse_dim={self.sparse_dim()}, which the tensor has, found "
                f"{sparse_dim}; use .to_dense() first"
            )
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Raises GradientError, unless nothing changes: the values are the variable."""
        if requires_grad != self.requires_grad:
            raise GradientError(
                "requires_grad_: expected a dense tensor, found a sparse one, which has no gradient of its "
                "own; make it of values that require grad"
            )
        return self

    def detach(self) -> SparseTensor:
        """A constant tensor of the same elements."""
        return self.with_values(self._entries.detach())

    def detach_(self) -> SparseTensor:
        """Make this tensor itself constant."""
        self._entries = self._entries.detach()
        return self

    def cpu(self) -> SparseTensor:
        """The tensor itself: there is no other device."""
        return self

    def to(self, *args, **named) -> SparseTensor:
        """The tensor in another dtype: see ``Tensor.to``."""
        return self.with_values(self._entries.to(*args, **named))

    def clone(self, *, memory_format: Any = None) -> SparseTensor:
        """A copy, through which the gradient flows. The memory format has no effect."""
        return self.with_values(self._entries.clone())

    def float(self, memory_format: Any = None) -> SparseTensor:
        """``to(torch.float32)``."""
        return self.with_values(self._entries.float())

    def double(self, memory_format: Any = None) -> SparseTensor:
        """``to(torch.float64)``."""
        return self.with_values(self._entries.double())

    def with_values(self, entries: Tensor) -> SparseTensor:
        """The tensor with other values at the same places."""
        if entries is self._entries:
            return self
        return made(self._places, entries, self._size, self._coalesced)

    # ---------------------------------------------------------------------------------- arithmetic

    def add(self, other: Tensor, *, alpha: Any = 1) -> SparseTensor:
        """The sum a + alpha b of sparse tensors of one shape. A dense tensor comes first, ``dense + sparse``,
        and makes the sum dense.

        Raises:
            LayoutError: b is dense, or a number.
            ShapeError: the shapes differ.
        """
        if not isinstance(other, SparseTensor):
            raise LayoutError(
                "add: expected a sparse tensor after a sparse one, found a dense one or a number; write "
                "dense + sparse, or use .to_dense()"
            )
        self._check_alike("add", other)
        added = other._entries if alpha == 1 else mul(other._entries, alpha)
        places = np.concatenate([self._places, other._places], axis=1)
        both = made(places, cat([self._entries, added]), self._size, False)
        return both.coalesce() if self._coalesced and other._coalesced else both

    def sub(self, other: Tensor, *, alpha: Any = 1) -> SparseTensor:
        """The difference a - alpha b: see :meth:`add`."""
        return self.add(other, alpha=-alpha)

    def _check_alike(self, function: str, other: SparseTensor) -> None:
        if self._size != other._size or len(self._places) != len(other._places):
            raise ShapeError(
                f"{function}: expected sparse tensors of one shape, found {tuple(self._size)} and "
                f"{tuple(other._size)} with {len(self._places)} and {len(other._places)} sparse dimensions"
            )

    def mul(self, other: Any) -> SparseTensor:
        """The product with a number, with a sparse tensor of this shape, or with a dense tensor that is
        expanded to this shape. It stores the elements that all sparse factors store.

        Raises:
            ShapeError: the shapes do not fit.
        """
        if isinstance(other, SparseTensor):
            self._check_alike("mul", other)
            return _products(self.coalesce(), other.coalesce())
        if isinstance(other, Tensor) and other.ndim:
            ends = zip(reversed(other.shape), reversed(self._size))
            if other.ndim > self.ndim or any(n not in (1, of_this) for n, of_this in ends):
                raise ShapeError(
                    f"mul: expected a dense tensor that can be expanded to {tuple(self._size)}, found "
                    f"{tuple(other.shape)}; use .to_dense()"
                )
            other = other.expand(self._size)[tuple(map(from_array, self._places))]
        return self.with_values(mul(self._entries, other))

    def div(self, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
        """The quotient by a number.

        Raises:
            LayoutError: the divisor is another tensor.
        """
        if isinstance(other, Tensor) and other.ndim:
            raise LayoutError("div: expected a number, found a tensor; use .to_dense()")
        return self.with_values(div(self._entries, other, rounding_mode=rounding_mode))

    def neg(self) -> SparseTensor:
        """The tensor with the sign of each element changed."""
        return self.with_values(neg(self._entries))

    def abs(self) -> SparseTensor:
        """The absolute value of each element, those at one place added before."""
        whole = self.coalesce()
        return whole.with_values(abs(whole._entries))

    def __add__(self, other: Any) -> SparseTensor:
        return self.add(other)

    def __radd__(self, other: Any) -> Tensor:
        return other + self.to_dense()

    def __sub__(self, other: Any) -> SparseTensor:
        return self.sub(other)

    def __rsub__(self, other: Any) -> Tensor:
        return other - self.to_dense()

    def __mul__(self, other: Any) -> SparseTensor:
        return self.mul(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> SparseTensor:
        return self.div(other)

    __neg__ = neg
    __abs__ = abs

    def _become(self, function: str, result: SparseTensor) -> SparseTensor:
        """This tensor, with the elements of the result in its own dtype. Tensors that shared elements with it
        keep theirs."""
        if not can_cast(result.dtype, self.dtype):
            raise DtypeError(
                f"{function}: result type {result.dtype} can't be cast to the desired output type "
                f"{self.dtype}; use the operation without underscore"
            )
        vars(self).update(vars(result.to(self.dtype)))
        return self

    def add_(self, other: Tensor, *, alpha: Any = 1) -> SparseTensor:
        """:meth:`add` in place."""
        return self._become("add_", self.add(other, alpha=alpha))

    def sub_(self, other: Tensor, *, alpha: Any = 1) -> SparseTensor:
        """:meth:`sub` in place."""
        return self._become("sub_", self.sub(other, alpha=alpha))

    def mul_(self, other: Any) -> SparseTensor:
        """:meth:`mul` in place."""
        return self._become("mul_", self.mul(other))

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
        """:meth:`div` in place."""
        return self._become("div_", self.div(other, rounding_mode=rounding_mode))

    __iadd__, __isub__, __imul__, __itruediv__ = add_, sub_, mul_, div_

    # ---------------------------------------------------------------------------------- transpose and product

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        """The tensor with two of its sparse dimensions exchanged.

        Raises:
            LayoutError: one of the dimensions is dense.
            ShapeError: no such dimension.
        """
        order = list(range(self.ndim))
        i, j = (dimension("transpose", d, self.ndim) for d in (dim0, dim1))
        order[i], order[j] = j, i
        if max(i, j) >= len(self._places):
            raise LayoutError(
                f"transpose: expected two of the {len(self._places)} sparse dimensions, found {dim0} and "
                f"{dim1}; use .to_dense()"
            )
        size = size_of(tuple(self._size[d] for d in order))
        same = self._coalesced and (i == j or self._nnz() < 2)
        return made(self._places[order[: len(self._places)]], self._entries, size, same)

    def t(self) -> SparseTensor:
        """The transposed matrix.

        Raises:
            ShapeError: it is not a matrix.
        """
        self._check_matrix("t")
        return self.transpose(0, 1)

    @property
    def T(self) -> SparseTensor:
        """The transposed matrix: see :meth:`t`."""
        return self.t()

    def _check_matrix(self, function: str) -> None:
        if self.ndim != 2 or len(self._places) != 2:
            raise ShapeError(
                f"{function}: expected a sparse matrix, found {len(self._places)} sparse dimensions of shape "
                f"{tuple(self._size)}; use .to_dense()"
            )

    def matmul(self, other: Tensor) -> Tensor:
        r"""The product with a dense matrix (K, N) or a vector (K): a dense tensor (M, N) or (M).

        .. math::
            y_m = \sum_{e:\ i_e = m} a_e\, b_{j_e} \qquad \bar a_e = \bar y_{i_e} \cdot b_{j_e}^* \qquad
            \bar b_k = \sum_{e:\ j_e = k} a_e^*\, \bar y_{i_e}

        The sum is over the stored elements e, at (i_e, j_e).

        Raises:
            ShapeError: the sizes do not fit, or this is not a matrix.
            DtypeError: the dtypes differ.
            LayoutError: the other operand is sparse, too.
        """
        return self._product("matmul", other, (1, 2))

    __matmul__ = matmul

    def mm(self, mat2: Tensor) -> Tensor:
        """The product with a dense matrix: see :meth:`matmul`."""
        return self._product("mm", mat2, (2,))

    def mv(self, vec: Tensor) -> Tensor:
        """The product with a dense vector: see :meth:`matmul`."""
        return self._product("mv", vec, (1,))

    def _product(self, function: str, other: Tensor, ndims: tuple[int, ...]) -> Tensor:
        self._check_matrix(function)
        if not isinstance(other, Tensor):
            raise DtypeError(
                f"{function}: expected a tensor, found {type(other).__name__}; use torch.tensor() first"
            )
        b = other.array
        if b.ndim not in ndims or b.shape[0] != self._size[1]:
            raise ShapeError(
                f"{function}: expected {' or '.join(map(str, ndims))} dimensions of the second operand, the "
                f"first of size {self._size[1]}, found {tuple(self._size)} @ {b.shape}; check the operands"
            )
        if b.dtype != self._entries.array.dtype:
            raise DtypeError(
                f"{function}: expected tensors of one dtype, found {self.dtype} and {other.dtype}; convert "
                "one of them with .to(dtype)"
            )
        matrix = other if b.ndim == 2 else other.unsqueeze(1)
        y = weighted_rows(self._entries, matrix, *map(from_array, self._places), count=self._size[0])
        return y if b.ndim == 2 else y.squeeze(1)


# --------------------------------------------------------------------------------------------- operations


@operation(name="coalesce")
def grouped_sum(values, *, group, count):
    """y_n = Σ x_e over the elements e of group n; of booleans, whether one is True"""
    return kernels.sum_rows(values, group, count)


@grouped_sum.derivative("values")
def _(g, group):
    return index_select(g, 0, from_array(group))


def _products(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """The products of the elements at the places that both of the merged tensors have."""
    of_a, of_b = common(a._places, b._places, a._size[: len(a._places)])
    factors = (index_select(x._entries, 0, from_array(i)) for x, i in ((a, of_a), (b, of_b)))
    return made(a._places[:, of_a], mul(*factors), a._size, True)


def made(places: np.ndarray, entries: Tensor, size: Size, coalesced: bool) -> SparseTensor:
    """The sparse tensor of these parts, without checks and copies."""
    new = object.__new__(SparseTensor)
    new._places, new._entries, new._size, new._coalesced = places, entries, size, coalesced
    return new


__all__ = ["SparseTensor"]
