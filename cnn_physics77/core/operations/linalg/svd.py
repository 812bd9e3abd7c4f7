"""The singular value decomposition."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import diag_embed, diagonal
from cnn_physics77.core.operations.linalg.eigen import check_phase, is_unused, without_diagonal
from cnn_physics77.core.operations.linalg.inputs import matrices
from cnn_physics77.core.operations.pointwise.complex import complex, imag
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array


@operation(name="svd")
def _svd(a, *, full):
    """U, S, Vᴴ with a = U diag(S) Vᴴ"""
    return lapack.svd(a, full)


@_svd.derivative("a")
def _(g, ys):
    """U₁ P V₁ᴴ + U₂ Q V₁ᴴ + U₁ R V₂ᴴ with U = (U₁ U₂), V = (V₁ V₂): see :func:`svd`"""
    (gu, gs, gvh), (u, s, vh) = g, ys
    k = s.shape[-1]
    u1, u2, vh1, vh2 = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    gu1, gu2, gv1, gv2 = gu[..., :k], gu[..., k:], gvh[..., :k, :].mH, gvh[..., k:, :].mH
    inner = diag_embed(gs)
    if is_unused(gu) and is_unused(gvh):
        return u1 @ (inner.to(u.dtype) @ vh1)
    x, y = u1.mH @ gu1, vh1 @ gv1
    rows, columns = s.unsqueeze(-1), s.unsqueeze(-2)
    gaps = (columns - rows) * (columns + rows)
    gaps = where(from_array(np.eye(k, dtype=bool)), 1, gaps)
    x_part, y_part = without_diagonal(x - x.mH) / gaps, without_diagonal(y - y.mH) / gaps
    inner = x_part * columns + rows * y_part + inner
    if u.array.dtype.kind == "c":
        phases, others = (imag(diagonal(z, dim1=-2, dim2=-1)) for z in (x, y))
        check_phase("linalg.svd", "singular vectors", (phases + others).array)
        inner = inner + diag_embed(complex(gs * 0, phases / s))
    result = u1 @ inner @ vh1
    if u1.shape[-2] > k:
        outer = gu1 - u1 @ x
        if u2.shape[-1]:
            _check_rotation("U", u2.mH @ gu2)
            outer = outer - u2 @ (gu2.mH @ u1)
        result = result + outer / columns @ vh1
    if vh1.shape[-1] > k:
        outer = gv1 - vh1.mH @ y
        if vh2.shape[-2]:
            _check_rotation("Vh", vh2 @ gv2)
            outer = outer - vh2.mH @ (gv2.mH @ vh1.mH)
        result = result + u1 @ (outer / columns).mH
    return result


def _check_rotation(name: str, x: Tensor) -> None:
    """Raise a GradientError if the loss depends on the basis of a complement, of which any rotation is as
    good."""
    if (np.abs((x - x.mH).array) > 1e-2).any():
        raise GradientError(
            f"linalg.svd: expected a loss that does not depend on the basis that completes {name}, which is "
            "arbitrary, found one that does, so that it has no gradient; use full_matrices=False"
        )


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> return_types.linalg_svd:
    r"""The singular value decomposition: a named tuple (U, S, Vh).

    .. math:: A = U \mathrm{diag}(S) V^H, \qquad \bar A = U_1 \Big(\mathrm{diag}(\bar S) +
        \frac{(X - X^H)_{ij} s_j + s_i (Y - Y^H)_{ij}}{s_j^2 - s_i^2}\Big|_{i \ne j}
        + \mathrm{diag} \frac{i\,\mathrm{Im}\, x_{ii}}{s_i} \Big) V_1^H + \dots, \quad
        X = U_1^H \bar U_1, \; Y = V_1^H \bar V_1

    where :math:`U_1, V_1` are the first K = min(M, N) columns. Two more terms follow from the change of the
    spaces that these span:
    :math:`((1 - U_1 U_1^H) \bar U_1 - U_2 \bar U_2^H U_1) S^{-1} V_1^H`, and the same of :math:`A^H`.

    Args:
        A: (..., M, N), floating or complex.
        full_matrices: whether U and Vh are completed to square matrices.
        driver: accepted for compatibility with PyTorch.

    Returns:
        U: (..., M, M), or (..., M, K) if not ``full_matrices``.
        S: (..., K), real, in descending order.
        Vh: :math:`V^H`, (..., N, N) or (..., K, N). The pairs of columns of U and V are unique up to a common
        sign, or phase for complex A.

    A loss of S alone has a gradient even if some singular values are equal or zero. That of U and Vh is
    infinite or NaN if some are equal, or zero where M and N differ.

    Raises:
        ShapeError: there are fewer than 2 dimensions.
        DtypeError: the input is neither floating nor complex, or float16.
        LinAlgError: the input has infinite or NaN elements, or the algorithm does not converge.
        GradientError: in the backward pass, if the loss depends on the phase, or on the basis of a
            complement.

    Source of the derivative: J. Townsend, "Differentiating the singular value decomposition" (2016); Z.-Q.
    Wan, S.-X. Zhang, "Automatic differentiation for complex valued SVD" (2019).

    >>> import cnn_physics77 as torch
    >>> torch.linalg.svd(torch.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    tensor([2., 1.])
    """
    return return_types.linalg_svd(*_svd(matrices("linalg.svd", A), full=bool(full_matrices)))


@operation(name="svdvals")
def _svdvals(a):
    return lapack.svdvals(a)


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, in descending order: see :func:`svd`.

    >>> import cnn_physics77 as torch
    >>> torch.linalg.svdvals(torch.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    A = matrices("linalg.svdvals", A)
    if recording() and A.edge is not None:  # the derivative requires the vectors
        return _svd(A, full=False)[1]
    return _svdvals(A)


__all__ = ["svd", "svdvals"]

complete_late(__name__)
