"""Parametrizations that are often used: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parametrize import register_parametrization
from cnn_physics77.core.layers.spectral_norm import as_matrix, first_vectors, iterate_power, spectral_dim
from cnn_physics77.core.layers.weight_norm import norm_except_dim, normalized_weight
from cnn_physics77.core.operations.linalg.householder import geqrf, householder_product
from cnn_physics77.core.operations.linalg.inverse import solve
from cnn_physics77.core.operations.linalg.matrix_functions import matrix_exp
from cnn_physics77.core.operations.linalg.qr import qr
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return normalized_weight(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    r"""Parametrize a weight by its length g and its direction v (Salimans and Kingma 2016).

    .. math:: w = g \, \frac{v}{\|v\|}

    g is ``parametrizations.weight.original0``, v ``original1``.

    Args:
        module: is changed.
        name: of the parameter.
        dim: there is a length for each index of this dimension; None for one length.

    Returns:
        The module.

    Raises:
        ValueError: there is no such tensor.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape, layer.parametrizations.weight.original1.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise ShapeError(
                "spectral_norm: Dimension out of range (expected to be in range of "
                f"[-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "spectral_norm: Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps, self.n_power_iterations = dim % ndim, eps, n_power_iterations
        if ndim > 1:
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = first_vectors(matrix, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Tensor, iterations: int) -> None:
        iterate_power(matrix.mH, self._v, self._u, iterations, self.eps)  # so u is improved first

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next call changes them, before the backward pass
        return weight / (u.conj() @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value  # as it is: it may be divided already


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    r"""Parametrize a weight so that its largest singular value is about 1 (Miyato et al. 2018).

    .. math:: w = \frac{w_{original}}{u^T W v} \qquad v \leftarrow \frac{W^T u}{\|W^T u\|} \quad
        u \leftarrow \frac{W v}{\|W v\|}

    The vectors u and v are improved at each use in training mode. A weight of one dimension is divided by its
    norm.

    Args:
        module: is changed.
        name: of the parameter.
        n_power_iterations: how often they are improved; 15 times in the beginning.
        eps: the least norm.
        dim: the dimension of the outputs; by default 1 for transposed convolutions, else 0.

    Returns:
        The module.

    Raises:
        ValueError: there is no such tensor; n_power_iterations is not positive.
        ShapeError: the weight has no such dimension.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(20, 40), n_power_iterations=100)
    >>> bool((torch.linalg.svdvals(layer.weight)[0] - 1).abs() < 1e-3)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    norm = _SpectralNorm(weight, n_power_iterations, spectral_dim(module) if dim is None else dim, eps)
    return register_parametrization(module, name, norm)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("orthogonal: The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        if X.shape[-2] < X.shape[-1]:
            return self._columns(X.mT).mT
        return self._columns(X)

    def _columns(self, X: Tensor) -> Tensor:
        """The matrix with orthonormal columns of X, which is not wide."""
        n, k = X.shape[-2:]
        if self.orthogonal_map == "householder":
            below = X.tril(-1)
            Q = householder_product(below, 2 / (1 + (below * below).sum(-2)))
            Q = Q * X.diagonal(dim1=-2, dim2=-1).detach().sign().unsqueeze(-2)
        else:
            X = F.pad(X.tril(), (0, n - k))
            skew = X - X.mH
            if self.orthogonal_map == "matrix_exp":
                Q = matrix_exp(skew)
            else:
                one = F.eye(n, dtype=X.dtype)
                Q = solve(one - skew / 2, one + skew / 2)
            Q = Q[..., :k]
        return Q if not self.use_trivialization or self.base is None else self.base @ Q

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"orthogonal: Expected a matrix or batch of matrices of shape {tuple(self.shape)}. Got a "
                f"tensor of shape {tuple(Q.shape)}."
            )
        wide = Q.shape[-2] < Q.shape[-1]
        tall = Q.mT if wide else Q
        n, k = tall.shape[-2:]
        if self.use_trivialization:
            if n > k:
                tall = F.cat([tall, F.randn(*tall.shape[:-1], n - k, dtype=Q.dtype)], dim=-1)
            self.base = tall.clone() if n == k and _is_orthogonal(tall) else _orthogonalized(tall)
            identity = F.zeros_like(Q)
            identity.diagonal(dim1=-2, dim2=-1).fill_(-1)  # at which all three maps give the identity
            return identity
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "orthogonal: It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        reflections, tau = geqrf(tall)
        diagonal = reflections.diagonal(dim1=-2, dim2=-1)
        diagonal.copy_(F.where(tau == 0, -diagonal.sign(), diagonal.sign()))  # 0: there is no reflection
        return reflections.mT if wide else reflections


def _is_orthogonal(Q: Tensor) -> bool:
    n, k = Q.shape[-2:]
    gram, one = Q.mH @ Q, F.eye(k, dtype=Q.dtype)
    return F.allclose(gram, one.expand(*gram.shape), atol=10 * n * float(np.finfo(Q.array.dtype).eps))


def _orthogonalized(A: Tensor) -> Tensor:
    """Q of A = QR with a positive diagonal of R."""
    Q, R = qr(A)
    return Q * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    r"""Parametrize a matrix, or a batch of matrices, by orthogonal or unitary ones.

    A tall matrix gets orthonormal columns, a wide one orthonormal rows. The map from any matrix X to an
    orthogonal Q is, with :math:`A = X - X^H` of the lower triangle of X, which is skew:

    .. math::
        Q &= \exp(A) && \text{"matrix_exp"} \\
        Q &= (1 - A / 2)^{-1} (1 + A / 2) && \text{"cayley"} \\
        Q &= \prod_i \Big(1 - \frac{2 \, v_i v_i^T}{v_i^T v_i}\Big) D && \text{"householder"}

    where :math:`v_i` is column i of X below its diagonal, with 1 on it, and D the signs of that diagonal.
    With trivialization (Lezcano Casado 2019) the weight is B Q, where the buffer B, ``base``, is what was
    assigned to the weight last.

    Args:
        module: is changed.
        name: of the parameter.
        orthogonal_map: by default "matrix_exp" for square and for complex matrices, else "householder".
        use_trivialization: whether there is a B.

    Returns:
        The module. Its weight begins with the value that it had, orthogonalized if it was not orthogonal;
        without trivialization this is so for "householder" only.

    Raises:
        ValueError: there is no such tensor, it is no matrix, the map is unknown, or "householder" is asked
            for complex matrices.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(20, 40))
    >>> torch.allclose(layer.weight.T @ layer.weight, torch.eye(20), atol=1e-5)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(
            f"orthogonal: Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-1] == weight.shape[-2]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            'orthogonal: orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
            f"{orthogonal_map}"
        )
    return register_parametrization(
        module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True
    )


__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
