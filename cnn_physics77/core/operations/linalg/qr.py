"""The QR decomposition."""

from __future__ import annotations

from cnn_physics77.core.errors import ArgumentError, GradientError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.operations.base import return_types
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import diag_embed, diagonal, tril
from cnn_physics77.core.operations.linalg.inputs import matrices
from cnn_physics77.core.operations.linalg.triangular import solved
from cnn_physics77.core.operations.pointwise.complex import real
from cnn_physics77.core.tensor import Tensor


@operation(name="qr")
def _qr(a, *, mode):
    """Q and R with a = Q R"""
    return lapack.qr(a, mode)


@_qr.derivative("a")
def _(g, a_shape, mode, ys):
    (gq, gr), (q, r) = g, ys
    m, n = a_shape[-2:]
    if mode == "r":
        raise GradientError(
            "linalg.qr: expected a mode with a derivative, found 'r', which does not compute the Q that it "
            "requires; use mode='reduced'"
        )
    if m >= n:
        if mode == "complete" and m > n:
            raise GradientError(
                "linalg.qr: expected a mode with a derivative, found 'complete' for more rows than columns, "
                "where a part of Q is arbitrary; use mode='reduced'"
            )
        return _of_columns(q, r, gq, gr)
    left, right = r[..., :m], r[..., m:]  # a = (Q R₁, Q R₂)
    g_left, g_right = gr[..., :m], gr[..., m:]
    return cat([_of_columns(q, left, gq + q @ right @ g_right.mH, g_left), q @ g_right], -1)


def _of_columns(q: Tensor, r: Tensor, gq: Tensor, gr: Tensor) -> Tensor:
    """(gQ + Q H) R⁻ᴴ for at least as many rows as columns, where H is Hermitian with the lower triangle of
    R gRᴴ − gQᴴ Q"""
    x = r @ gr.mH - gq.mH @ q
    below = tril(x, -1)
    total = gq + q @ (below + below.mH + diag_embed(real(diagonal(x, dim1=-2, dim2=-1))))
    return solved(r, total.mH, upper=True).mH


def qr(A: Tensor, mode: str = "reduced") -> return_types.linalg_qr:
    r"""The QR decomposition: a named tuple (Q, R).

    .. math:: A = Q R \qquad \bar A = (\bar Q + Q H) R^{-H}, \qquad H = H^H, \quad
        h_{ij} = (R \bar R^H - \bar Q^H Q)_{ij} \text{ for } i > j, \quad
        h_{ii} = \mathrm{Re}(R \bar R^H - \bar Q^H Q)_{ii}

    for M >= N. Else A = (Q R₁, Q R₂), and the formula is that of the first M columns, with
    :math:`\bar Q + Q R_2 \bar R_2^H` for :math:`\bar Q`; that of the others is :math:`Q \bar R_2`.

    Args:
        A: (..., M, N), floating or complex.
        mode: "reduced", "complete" (Q is square), or "r" (Q is empty).

    Returns:
        Q: (..., M, K) with orthonormal columns, where K = min(M, N), or M if "complete".
        R: (..., K, N), upper triangular with a real diagonal, whose signs are LAPACK's.

    The gradient requires the first K columns of A to be independent, and exists for "reduced", and for
    "complete" if M <= N.

    Raises:
        ShapeError: there are fewer than 2 dimensions.
        DtypeError: the input is neither floating nor complex, or float16.
        ArgumentError: ``mode`` is something else.
        GradientError: in the backward pass, for a mode that has no derivative.

    Source of the derivative: S. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions
    with application in optimum experimental design" (2010); D. Roberts, L. Roberts, "QR and LQ decomposition
    matrix backpropagation algorithms for square, wide, and deep matrices" (2020).

    >>> import cnn_physics77 as torch
    >>> Q, R = torch.linalg.qr(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> torch.allclose(Q @ R, torch.tensor([[3.0, 1.0], [4.0, 2.0]])), R[1, 0].item()
    (True, 0.0)
    """
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError(f"linalg.qr: expected mode 'reduced', 'complete' or 'r', found {mode!r}")
    return return_types.linalg_qr(*_qr(matrices("linalg.qr", A), mode=mode))


__all__ = ["qr"]

complete_late(__name__)
