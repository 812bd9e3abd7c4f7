"""Spectral normalization, by a hook before each call (the older way; see :mod:`.parametrizations`)."""

from __future__ import annotations

from typing import Any

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, is_lazy
from cnn_physics77.core.layers.weight_norm import remove_norm
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with ``dim`` as rows and all other dimensions as columns."""
    return weight.movedim(dim, 0).flatten(1)


@no_grad()
def first_vectors(matrix: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Random unit vectors, as many rows and as many columns as the matrix has, to begin the iteration."""
    u, v = (F.randn(size, dtype=matrix.dtype) for size in matrix.shape)
    return F.normalize(u, dim=0, eps=eps), F.normalize(v, dim=0, eps=eps)


@no_grad()
def iterate_power(matrix: Tensor, u: Tensor, v: Tensor, iterations: int, eps: float) -> None:
    """Bring u and v, in place, nearer to the singular vectors of the largest singular value."""
    for _ in range(iterations):
        v.copy_(F.normalize(matrix.mH @ u, dim=0, eps=eps))
        u.copy_(F.normalize(matrix @ v, dim=0, eps=eps))


def spectral_dim(module: Module) -> int:
    """The dimension of the outputs in a weight: 1 of transposed convolutions, else 0."""
    return 1 if isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d) else 0


class SpectralNorm:
    """The hook of :func:`spectral_norm`, which computes the weight before each call of the module."""

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "spectral_norm: Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight divided by its largest singular value."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            iterate_power(matrix, u, v, self.n_power_iterations, self.eps)
            u, v = u.clone(), v.clone()  # the next call changes them, before the backward pass of this one
        return weight / (u @ (matrix @ v))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module, do_power_iteration=False).detach()
        for part in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + part)
        module.register_parameter(self.name, Parameter(weight))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    r"""Divide a parameter by its largest singular value (Miyato et al. 2018).

    .. math:: w = \frac{w_{orig}}{u^T W v} \qquad v \leftarrow \frac{W^T u}{\|W^T u\|} \quad
        u \leftarrow \frac{W v}{\|W v\|}

    ``weight`` becomes the parameter ``weight_orig``, with the buffers ``weight_u`` and ``weight_v``, and is
    computed before each call of the module; in training mode the vectors are improved before.

    Args:
        module: is changed.
        name: of the parameter.
        n_power_iterations: how often they are improved.
        eps: the least norm.
        dim: the dimension of the outputs; by default 1 for transposed convolutions, else 0.

    Returns:
        The module.

    Raises:
        RuntimeError: the parameter has a spectral norm already.
        ValueError: n_power_iterations is not positive; the parameter is None or uninitialized.
    """
    if any(isinstance(h, SpectralNorm) and h.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(
            f"spectral_norm: Cannot register two spectral_norm hooks on the same parameter {name}; call "
            "remove_spectral_norm first"
        )
    hook = SpectralNorm(name, n_power_iterations, spectral_dim(module) if dim is None else dim, eps)
    weight = module._parameters[name]
    if weight is None or is_lazy(weight):
        raise ValueError(
            f"spectral_norm: expected an initialized parameter {name!r}, found "
            f"{'None' if weight is None else type(weight).__name__}; call a lazy module once before"
        )
    u, v = first_vectors(as_matrix(weight.detach(), hook.dim), eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight a parameter again, divided as it was last; returns the module.

    Raises:
        ValueError: it has no spectral norm.
    """
    remove_norm("spectral_norm", SpectralNorm, module, name)
    return module


__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]
