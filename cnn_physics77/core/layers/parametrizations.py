"""Parametrizations that are often used: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parametrize import register_parametrization
from cnn_physics77.core.layers.spectral_norm import as_matrix, first_vectors, iterate_power, spectral_dim
from cnn_physics77.core.layers.weight_norm import norm_except_dim, normalized_weight
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


__all__ = ["spectral_norm", "weight_norm"]
