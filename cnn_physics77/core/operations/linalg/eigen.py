"""Eigenvalues and eigenvectors."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import ArgumentError, GradientError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import diag_embed, diagonal
from cnn_physics77.core.operations.linalg.inputs import square_matrices
from cnn_physics77.core.operations.linalg.inverse import solution_and_info
from cnn_physics77.core.operations.pointwise.complex import real
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------- what both derivatives consist of


def is_unused(g: Tensor) -> bool:
    """Whether g is the gradient of an output that the loss does not depend on: constant zeros."""
    return g.edge is None and not g.array.any()


def differences(values: Tensor) -> Tensor:
    """λ_j − λ_i, and 1 on the diagonal."""
    gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
    return where(from_array(np.eye(values.shape[-1], dtype=bool)), 1, gaps)


def without_diagonal(x: Tensor) -> Tensor:
    """x with zeros on the diagonal."""
    return where(from_array(np.eye(x.shape[-1], dtype=bool)), 0, x)


def check_phase(function: str, what: str, imaginary: np.ndarray) -> None:
    """Raise a GradientError unless the derivatives with respect to phases vanish, up to 0.01 as in PyTorch.

    An eigenvector times :math:`e^{i\\phi}` is one as well, so only what does not depend on it has a gradient.
    """
    if (np.abs(imaginary) > 1e-2).any():
        raise GradientError(
            f"{function}: expected a loss that does not depend on the phases of complex {what}, which are "
            "arbitrary, found one that does, so that it has no gradient; use e.g. their absolute values"
        )


# --------------------------------------------------------------------------------------------- Hermitian


@operation(name="eigh")
def _eigh(a, *, UPLO):
    """λ and V with a = V diag(λ) Vᴴ"""
    return lapack.eigh(a, UPLO)


@_eigh.derivative("a")
def _(g, ys):
    """V (diag(g_λ) + S) Vᴴ with s_ij = ½ (X − Xᴴ)_ij / (λ_j − λ_i) and X = Vᴴ g_V: see :func:`eigh`"""
    (g_values, g_vectors), (values, v) = g, ys
    inner = diag_embed(g_values)
    if not is_unused(g_vectors):
        x = v.mH @ g_vectors
        if x.array.dtype.kind == "c":
            check_phase("linalg.eigh", "eigenvectors", np.diagonal(x.array, axis1=-2, axis2=-1).imag)
        inner = without_diagonal((x - x.mH) / 2) / differences(values) + inner
    elif v.array.dtype.kind == "c":
        inner = inner.to(v.dtype)
    return v @ inner @ v.mH


@operation(name="eigvalsh")
def _eigvalsh(a, *, UPLO):
    return lapack.eigvalsh(a, UPLO)


def _triangle(UPLO: str) -> str:
    found = UPLO.upper() if isinstance(UPLO, str) else UPLO
    if found not in ("L", "U"):
        raise ArgumentError(f"linalg.eigh: expected UPLO to be 'L' or 'U', found {UPLO!r}")
    return found


def eigh(input: Tensor, UPLO: str = "L") -> return_types.linalg_eigh:
    r"""Eigenvalues and eigenvectors of Hermitian matrices: a named tuple (eigenvalues, eigenvectors).

    .. math:: A = V \mathrm{diag}(\lambda) V^H \qquad \bar A = V \Big(\mathrm{diag}(\bar\lambda) +
        \frac{(V^H \bar V - \bar V^H V)_{ij}}{2 (\lambda_j - \lambda_i)}\Big|_{i \ne j} \Big) V^H

    Args:
        input: A, (..., N, N), floating or complex.
        UPLO: which triangle is read, "L" (lower) or "U" (upper).

    Returns:
        eigenvalues: λ, (..., N), real, in ascending order.
        eigenvectors: V, (..., N, N), the columns, of length 1; unique up to a sign, or up to a phase for
        complex A.

    The gradient of A is Hermitian. A loss of the eigenvalues alone has one, even if some of them are equal.
    That of the eigenvectors is infinite or NaN if some eigenvalues are equal, and large if they are close.
    Likewise second derivatives.

    Raises:
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.
        ArgumentError: ``UPLO`` is something else.
        LinAlgError: the input has infinite or NaN elements, or the algorithm does not converge.
        GradientError: in the backward pass, if the loss depends on the phase of complex eigenvectors.

    Source of the derivative: M. Giles (2008), see :func:`.inverse.inv`, section 3.1; C. Boeddeker et al., "On
    the computation of complex-valued gradients with application to statistically optimum beamforming" (2017).

    >>> import cnn_physics77 as torch
    >>> torch.linalg.eigh(torch.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return return_types.linalg_eigh(*_eigh(square_matrices("linalg.eigh", input), UPLO=_triangle(UPLO)))


def eigvalsh(input: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of Hermitian matrices, in ascending order: see :func:`eigh`.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.eigvalsh(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    A, triangle = square_matrices("linalg.eigvalsh", input), _triangle(UPLO)
    if recording() and A.edge is not None:  # the derivative requires the vectors
        return _eigh(A, UPLO=triangle)[0]
    return _eigvalsh(A, UPLO=triangle)


# --------------------------------------------------------------------------------------------- general


@operation(name="eig")
def _eig(a):
    """λ and V with a V = V diag(λ)"""
    return lapack.eig(a)


@_eig.derivative("a")
def _(g, a_dtype, ys):
    """V⁻ᴴ (diag(g_λ) + Z) Vᴴ with z_ij = (X − VᴴV diag(Re X))_ij / (λ_j − λ_i)* and X = Vᴴ g_V: see
    :func:`eig`"""
    (g_values, g_vectors), (values, v) = g, ys
    vh = v.mH
    inner = diag_embed(g_values)
    if not is_unused(g_vectors):
        x = vh @ g_vectors
        diagonals = diagonal(x, dim1=-2, dim2=-1)
        check_phase("linalg.eig", "eigenvectors", diagonals.array.imag)
        x = x - vh @ v * real(diagonals).unsqueeze(-2)  # the columns of V keep the length 1
        inner = without_diagonal(x) / differences(values).conj() + inner
    result = solution_and_info(vh, inner @ vh)[0]
    return result if a_dtype.kind == "c" else real(result)


@operation(name="eigvals")
def _eigvals(a):
    return lapack.eigvals(a)


def eig(input: Tensor) -> return_types.linalg_eig:
    r"""Eigenvalues and eigenvectors of square matrices: a named tuple (eigenvalues, eigenvectors).

    .. math:: A V = V \mathrm{diag}(\lambda) \qquad \bar A = V^{-H} \Big(\mathrm{diag}(\bar\lambda) +
        \frac{(V^H \bar V - V^H V\, \mathrm{diag}(\mathrm{Re}\, V^H \bar V))_{ij}}
        {(\lambda_j - \lambda_i)^*}\Big|_{i \ne j} \Big) V^H

    Args:
        input: A, (..., N, N), floating or complex.

    Returns:
        eigenvalues: λ, (..., N), complex, in no particular order.
        eigenvectors: V, (..., N, N), complex: the columns, of length 1, unique up to a phase.

    The gradient of a real A is real. It requires A to have N independent eigenvectors; that of V also
    requires different eigenvalues.

    Raises:
        ShapeError: the matrices are not square.
        DtypeError: the input is neither floating nor complex, or float16.
        LinAlgError: the input has infinite or NaN elements, or the algorithm does not converge.
        GradientError: in the backward pass, if the loss depends on the phase of the eigenvectors.

    Source of the derivative: C. Boeddeker et al. (2017), see :func:`eigh`, section 4.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.eig(torch.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues.imag.sort().values
    tensor([-1.,  1.])
    """
    return return_types.linalg_eig(*_eig(square_matrices("linalg.eig", input)))


def eigvals(input: Tensor) -> Tensor:
    """The eigenvalues of square matrices, complex, in no particular order: see :func:`eig`.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.eigvals(torch.tensor([[2.0]]))
    tensor([2.+0.j])
    """
    A = square_matrices("linalg.eigvals", input)
    if recording() and A.edge is not None:  # the derivative requires the vectors
        return _eig(A)[0]
    return _eigvals(A)


__all__ = ["eig", "eigh", "eigvals", "eigvalsh"]

complete_late(__name__)
