"""The named tuples that operations return, with PyTorch's names, parts and text."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from cnn_physics77.core.tensor import Tensor

Kind = TypeVar("Kind", bound=type)


def _text(self: Any) -> str:
    parts = (f"{name}={part!r}" for name, part in zip(self._fields, self))
    return f"torch.return_types.{type(self).__name__}(\n" + ",\n".join(parts) + ")"


def _printed(kind: Kind) -> Kind:
    kind.__repr__ = _text  # type: ignore[assignment, method-assign]
    return kind


@_printed
class cummax(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class cummin(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class kthvalue(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class max(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class median(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class min(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class mode(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class nanmedian(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class sort(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class topk(NamedTuple):
    values: Tensor
    indices: Tensor


@_printed
class aminmax(NamedTuple):
    min: Tensor
    max: Tensor


@_printed
class frexp(NamedTuple):
    mantissa: Tensor
    exponent: Tensor


@_printed
class histogram(NamedTuple):
    hist: Tensor
    bin_edges: Tensor


@_printed
class histogramdd(NamedTuple):
    hist: Tensor
    bin_edges: tuple[Tensor, ...]


@_printed
class geqrf(NamedTuple):
    a: Tensor
    tau: Tensor


@_printed
class linalg_cholesky_ex(NamedTuple):
    L: Tensor
    info: Tensor


@_printed
class linalg_eig(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


@_printed
class linalg_eigh(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


@_printed
class linalg_inv_ex(NamedTuple):
    inverse: Tensor
    info: Tensor


@_printed
class linalg_ldl_factor(NamedTuple):
    LD: Tensor
    pivots: Tensor


@_printed
class linalg_ldl_factor_ex(NamedTuple):
    LD: Tensor
    pivots: Tensor
    info: Tensor


@_printed
class linalg_lstsq(NamedTuple):
    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


@_printed
class linalg_lu(NamedTuple):
    P: Tensor
    L: Tensor
    U: Tensor


@_printed
class linalg_lu_factor(NamedTuple):
    LU: Tensor
    pivots: Tensor


@_printed
class linalg_lu_factor_ex(NamedTuple):
    LU: Tensor
    pivots: Tensor
    info: Tensor


@_printed
class linalg_qr(NamedTuple):
    Q: Tensor
    R: Tensor


@_printed
class linalg_slogdet(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


@_printed
class linalg_solve_ex(NamedTuple):
    result: Tensor
    info: Tensor


@_printed
class linalg_svd(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


@_printed
class lu_unpack(NamedTuple):
    P: Tensor
    L: Tensor
    U: Tensor


@_printed
class qr(NamedTuple):
    Q: Tensor
    R: Tensor


@_printed
class slogdet(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


@_printed
class svd(NamedTuple):
    U: Tensor
    S: Tensor
    V: Tensor


@_printed
class triangular_solve(NamedTuple):
    solution: Tensor
    cloned_coefficient: Tensor


__all__ = [
    "aminmax",
    "cummax",
    "cummin",
    "frexp",
    "geqrf",
    "histogram",
    "histogramdd",
    "kthvalue",
    "linalg_cholesky_ex",
    "linalg_eig",
    "linalg_eigh",
    "linalg_inv_ex",
    "linalg_ldl_factor",
    "linalg_ldl_factor_ex",
    "linalg_lstsq",
    "linalg_lu",
    "linalg_lu_factor",
    "linalg_lu_factor_ex",
    "linalg_qr",
    "linalg_slogdet",
    "linalg_solve_ex",
    "linalg_svd",
    "lu_unpack",
    "max",
    "median",
    "min",
    "mode",
    "nanmedian",
    "qr",
    "slogdet",
    "sort",
    "svd",
    "topk",
    "triangular_solve",
]
