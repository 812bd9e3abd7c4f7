"""Permutations of the dimensions: permute, transpose, movedim, .T. All use one view operation."""

from __future__ import annotations

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.base.dimensions import dimension, dimensions, sizes_of, variadic
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.operations.pointwise.arithmetic import conj
from cnn_physics77.core.tensor import Tensor, method


@view_operation
def _permute(x, *, dims):
    """Dimension i of the result is dimension dims[i] of x."""
    return x.transpose(dims)


@_permute.derivative("x")
def _(g, dims):
    return _permute(g, dims=tuple(sorted(range(len(dims)), key=dims.__getitem__)))


def permute(input: Tensor, dims) -> Tensor:
    """A view whose dimension i is dimension ``dims[i]`` of the input.

    Raises:
        ShapeError: ``dims`` does not name every dimension once.

    >>> import cnn_physics77 as torch
    >>> torch.permute(torch.zeros(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """
    dims = sizes_of("permute", (dims,))
    ndim = input.array.ndim
    if len(dims) != ndim:
        raise ShapeError(
            f"permute: expected as many dims as the tensor has dimensions, {ndim}, found {dims} for shape "
            f"{input.array.shape}"
        )
    return _permute(input, dims=dimensions("permute", dims, ndim))


method("permute")(variadic(permute))


@method("transpose")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions swapped.

    Raises:
        ShapeError: no such dimension.

    >>> import cnn_physics77 as torch
    >>> torch.transpose(torch.tensor([[1, 2, 3]]), 0, 1)
    tensor([[1],
            [2],
            [3]])
    """
    ndim = input.array.ndim
    a, b = dimension("transpose", dim0, ndim), dimension("transpose", dim1, ndim)
    order = list(range(ndim))
    if ndim:
        order[a], order[b] = b, a
    return named(_permute(input, dims=tuple(order)), "TransposeBackward0")


swapdims = transpose
method("swapdims")(transpose)


@method("swapaxes")
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """:func:`transpose`, with NumPy's names of the dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.swapaxes(torch.zeros(2, 3), axis0=0, axis1=1).shape
    torch.Size([3, 2])
    """
    return transpose(input, axis0, axis1)


@method("t")
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix. 0-d and 1-d tensors are unchanged.

    Raises:
        ShapeError: more than two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.t(torch.zeros(2, 3)).shape
    torch.Size([3, 2])
    """
    ndim = input.array.ndim
    if ndim > 2:
        raise ShapeError(
            f"t: expected a tensor with <= 2 dimensions, found shape {input.array.shape}; use .mT or "
            "transpose"
        )
    return named(_permute(input, dims=(1, 0) if ndim == 2 else tuple(range(ndim))), "TBackward0")


@method("adjoint")
def adjoint(input: Tensor) -> Tensor:
    """The conjugate transpose of the last two dimensions.

    Raises:
        ShapeError: there are fewer than two dimensions.

    >>> import cnn_physics77 as torch
    >>> torch.adjoint(torch.tensor([[1j, 2.0]]))
    tensor([[0.-1.j],
            [2.-0.j]])
    """
    return conj(_transpose_of_matrices("adjoint", input))


def _transpose_of_matrices(function: str, x: Tensor) -> Tensor:
    ndim = x.array.ndim
    if ndim < 2:
        raise ShapeError(f"{function}: expected a matrix or a batch of matrices, found shape {x.array.shape}")
    return _permute(x, dims=(*range(ndim - 2), ndim - 1, ndim - 2))


def _matrix(function: str, x: Tensor) -> Tensor:
    if x.array.ndim not in (0, 2):
        raise ShapeError(
            f"{function}: only supported on matrices (2-D tensors), found shape {x.array.shape}; use "
            f".m{function}"
        )
    return t(x)


method("mT")(
    property(lambda self: _transpose_of_matrices("mT", self), doc="The transpose of the last two dimensions.")
)
method("mH")(property(lambda self: adjoint(self), doc="The conjugate transpose of the last two dimensions."))
method("H")(property(lambda self: conj(_matrix("H", self)), doc="The conjugate transpose of a matrix."))
method("T")(
    property(
        lambda self: _permute(self, dims=tuple(range(self.array.ndim))[::-1]),
        doc="The transpose of a matrix; for other tensors, all dimensions in reverse order.",
    )
)


@method("movedim", "moveaxis")
def movedim(input: Tensor, source, destination) -> Tensor:
    """A view with dimensions ``source`` moved to positions ``destination``. The others keep their order.

    Args:
        source, destination: integers, or tuples of equal length.

    Raises:
        ShapeError: no such dimension, one named twice, or unequal numbers of them.

    >>> import cnn_physics77 as torch
    >>> torch.movedim(torch.zeros(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    ndim = input.array.ndim
    from_, to = (() if d == () or d == [] else dimensions("movedim", d, ndim) for d in (source, destination))
    if len(from_) != len(to):
        raise ShapeError(
            f"movedim: expected as many source as destination dims, found {source} and {destination}"
        )
    moved = dict(zip(to, from_))
    others = iter(i for i in range(ndim) if i not in from_)
    return _permute(input, dims=tuple(moved[i] if i in moved else next(others) for i in range(ndim)))


moveaxis = movedim


__all__ = [
    "adjoint",
    "moveaxis",
    "movedim",
    "permute",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
]
