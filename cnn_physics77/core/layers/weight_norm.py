"""Weight normalization, by a hook before each call (the older way; see :mod:`.parametrizations`)."""

from __future__ import annotations

from typing import Any

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, is_lazy
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.tensor import Tensor


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """The 2-norms over all dimensions but ``dim``, which stay with size 1; of all elements if it is -1."""
    if dim == -1:
        return vector_norm(v)
    others = [d for d in range(v.ndim) if d != dim]
    return vector_norm(v, dim=others, keepdim=True) if others else abs(v)


def normalized_weight(v: Tensor, g: Tensor, dim: int) -> Tensor:
    r"""The weight of direction v and length g: :math:`g \, v / \|v\|` (Salimans and Kingma 2016)."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook of :func:`weight_norm`, which computes the weight before each call of the module."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight of the module's direction and length."""
        g, v = (getattr(module, f"{self.name}_{part}") for part in "gv")
        return normalized_weight(v, g, self.dim)

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    r"""Replace a parameter w by its direction v and its length g (Salimans and Kingma 2016).

    .. math:: w = g \, \frac{v}{\|v\|}

    ``weight`` becomes ``weight_g`` and ``weight_v``, and is computed before each call of the module. PyTorch
    prefers ``parametrizations.weight_norm``, and warns here.

    Args:
        module: is changed.
        name: of the parameter.
        dim: there is a length for each index of this dimension; None for one length.

    Returns:
        The module.

    Raises:
        RuntimeError: the parameter has a weight norm already.
        ValueError: the parameter is uninitialized.
    """
    warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
    )
    if any(isinstance(h, WeightNorm) and h.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(
            f"weight_norm: Cannot register two weight_norm hooks on the same parameter {name}; call "
            "remove_weight_norm first"
        )
    weight = getattr(module, name)
    if is_lazy(weight):
        raise ValueError(
            "weight_norm: The module passed to `WeightNorm` can't have uninitialized parameters; call it "
            "once before"
        )
    hook = WeightNorm(name, dim)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, hook.dim).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight a parameter again; returns the module.

    Raises:
        ValueError: it has no weight norm.
    """
    remove_norm("weight_norm", WeightNorm, module, name)
    return module


def remove_norm(function: str, kind: type[Any], module: Module, name: str) -> None:
    """Undo the hook of this kind on a parameter, and remove it.

    Raises:
        ValueError: there is none.
    """
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, kind) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[number]
            return
    raise ValueError(f"remove_{function}: {function} of '{name}' not found in {module}")


__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]
