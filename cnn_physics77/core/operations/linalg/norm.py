"""Norms as ``torch`` itself and Tensor have them."""

from __future__ import annotations

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.keywords import written
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.base.own_name import in_own_name
from cnn_physics77.core.operations.indexing.cast import as_dtype, convert
from cnn_physics77.core.operations.reduction.var_std_norm import norm_of_vectors
from cnn_physics77.core.tensor import Tensor, method


@method("norm")
def norm(input: Tensor, p="fro", dim=None, keepdim: bool = False, out=None, dtype=None) -> Tensor:
    """The norm of the vectors along dimensions, or the nuclear norm of matrices.

    Args:
        p: the order of :func:`.var_std_norm.vector_norm`; "fro" (Frobenius) and None are 2; "nuc" is the sum
            of the singular values (:func:`.matrix_norms.matrix_norm`), for two dimensions.
        dim: integer, several, or None for all.
        keepdim: whether to keep the reduced dimensions with size 1.
        out: a tensor that the result is written to.
        dtype: the dtype to convert to first.

    Raises:
        ArgumentError: ``p`` is another text.
        ShapeError: there is no such dimension, or "nuc" is asked for other than two.

    >>> import cnn_physics77 as torch
    >>> torch.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]])), torch.norm(torch.eye(3), "nuc")
    (tensor(5.), tensor(3.))
    """
    if out is not None:
        return written("norm", norm, out, (input, p, dim, keepdim), {"dtype": dtype}, False)
    x = as_tensor_input("norm", input)
    if dtype is not None:
        x = convert(x, as_dtype("norm", dtype))
    if p == "nuc":
        return _nuclear(x, dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise ArgumentError(f"norm: expected p to be a number, 'fro' or 'nuc', found {p!r}")
    return norm_of_vectors("norm", x, 2.0 if p in ("fro", None) else float(p), dim, keepdim)


def _nuclear(x: Tensor, dim, keepdim: bool) -> Tensor:
    from cnn_physics77.core.operations.linalg.matrix_norms import matrix_norm  # it needs the decompositions

    count = x.array.ndim if dim is None else len(dim) if isinstance(dim, (tuple, list)) else 1
    if count != 2:
        raise ShapeError(f"norm: expected two dimensions for p='nuc', found {count}; choose them by dim=")
    return matrix_norm(x, "nuc", (0, 1) if dim is None else tuple(dim), keepdim)


@method("dist")
@in_own_name
def dist(input: Tensor, other: Tensor, p=2) -> Tensor:
    """The p-norm of the difference of two tensors: see :func:`norm`.

    >>> import cnn_physics77 as torch
    >>> torch.dist(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 6.0]))
    tensor(5.)
    """
    return norm(input - other, p)


__all__ = ["dist", "norm"]
