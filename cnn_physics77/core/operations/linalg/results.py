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


class LUFactorResult(NamedTuple):
    """The result of :func:`.lu.lu_factor`."""

    LU: Tensor
    pivots: Tensor


class LUFactorExResult(NamedTuple):
    """The result of :func:`.lu.lu_factor_ex`."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


class LUResult(NamedTuple):
    """The result of :func:`.lu.lu` and :func:`.lu.lu_unpack`."""

    P: Tensor
    L: Tensor
    U: Tensor


class LstsqResult(NamedTuple):
    """The result of :func:`.least_squares.lstsq`."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


class LDLFactorResult(NamedTuple):
    """The result of :func:`.ldl.ldl_factor`."""

    LD: Tensor
    pivots: Tensor


class LDLFactorExResult(NamedTuple):
    """The result of :func:`.ldl.ldl_factor_ex`."""

    LD: Tensor
    pivots: Tensor
    info: Tensor


class GeqrfResult(NamedTuple):
    """The result of :func:`.householder.geqrf`."""

    a: Tensor
    tau: Tensor


class TriangularSolveResult(NamedTuple):
    """The result of :func:`.root_forms.triangular_solve`."""

    solution: Tensor
    cloned_coefficient: Tensor
