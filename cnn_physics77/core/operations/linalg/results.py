"""The named tuples that decompositions return, with PyTorch's names of their parts."""

from __future__ import annotations

from typing import NamedTuple

from cnn_physics77.core.tensor import Tensor


class InvExResult(NamedTuple):
    """The result of :func:`.inverse.inv_ex`."""

    inverse: Tensor
    info: Tensor


class SolveExResult(NamedTuple):
    """The result of :func:`.inverse.solve_ex`."""

    result: Tensor
    info: Tensor


class SlogdetResult(NamedTuple):
    """The result of :func:`.determinant.slogdet`."""

    sign: Tensor
    logabsdet: Tensor


class CholeskyExResult(NamedTuple):
    """The result of :func:`.cholesky.cholesky_ex`."""

    L: Tensor
    info: Tensor


class EighResult(NamedTuple):
    """The result of :func:`.eigen.eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EigResult(NamedTuple):
    """The result of :func:`.eigen.eig`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """The result of :func:`.svd.svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class QRResult(NamedTuple):
    """The result of :func:`.qr.qr`."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """The result of :func:`.root_forms.svd`."""

    U: Tensor
    S: Tensor
    V: Tensor
