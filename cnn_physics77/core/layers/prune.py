"""Pruning: a parameter is multiplied by a mask of zeros and ones, before each call of its module.

``weight`` becomes the parameter ``weight_orig`` with the buffer ``weight_mask``; the method is a hook that
computes ``weight`` from them. Pruning it again prunes what is left. :func:`remove` makes it final.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from cnn_physics77.core import operations as F
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.operations.reduction.var_std_norm import vector_norm
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor


class BasePruningMethod(ABC):
    """The base of the methods: a subclass defines ``compute_mask`` and ``PRUNING_TYPE``.

    Attributes:
        PRUNING_TYPE: "unstructured" (elements), "structured" (slices of a dimension) or "global" (all, also
            what has been pruned before).
    """

    PRUNING_TYPE: str
    dim: int  # of structured methods
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of a tensor of importances; zeros of ``default_mask`` stay zeros."""

    def apply_mask(self, module: Module) -> Tensor:
        """The original tensor times its mask."""
        original = getattr(module, f"{self._tensor_name}_orig")
        return getattr(module, f"{self._tensor_name}_mask").to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args, importance_scores: Tensor | None = None, **kwargs
    ) -> BasePruningMethod:
        """Prune a parameter, and return the hook that was registered.

        Args:
            args, kwargs: of the constructor.
            importance_scores: what the mask is computed from; the parameter itself by default.

        Raises:
            AssertionError: the scores have another shape.
        """
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        number, earlier = _hook_of(module, name)
        if earlier is not None:
            container = earlier if isinstance(earlier, PruningContainer) else PruningContainer(earlier)
            container.add_pruning_method(method)
            method = container
        current = getattr(module, name)
        scores = current if importance_scores is None else importance_scores
        if scores.shape != current.shape:
            raise AssertionError(
                f"prune: expected importance_scores of the shape of {name!r}, {tuple(current.shape)}, found "
                f"{tuple(scores.shape)}"
            )
        if earlier is None:
            mask = method.compute_mask(scores.detach(), F.ones_like(current.detach()))
            module.register_parameter(f"{name}_orig", current)
            del module._parameters[name]
        else:
            mask = method.compute_mask(scores.detach(), getattr(module, f"{name}_mask").detach().clone())
            del module._forward_pre_hooks[number]
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    @no_grad()
    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """A pruned copy of a tensor that belongs to no module."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                f"prune: expected importance_scores of shape {tuple(t.shape)}, found {tuple(scores.shape)}"
            )
        mask = F.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module: Module) -> None:
        """Make the pruned tensor the parameter again, with zeros where it was pruned."""
        name = self._tensor_name
        pruned = self.apply_mask(module)
        original = module._parameters[f"{name}_orig"]
        original.data = pruned.detach()
        for attribute in (name, f"{name}_orig", f"{name}_mask"):
            delattr(module, attribute)
        setattr(module, name, original)


def _hook_of(module: Module, name: str) -> tuple[Any, BasePruningMethod | None]:
    """The number and the pruning method of a tensor of this name; None if there is none."""
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return number, hook
    return None, None


class PruningContainer(BasePruningMethod):
    """Several methods, one after the other; the last one prunes what the others have left."""

    PRUNING_TYPE = "container"

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method for the same tensor.

        Raises:
            TypeError: not a pruning method.
            ValueError: it prunes another tensor.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if not self._pruning_methods:
            self._tensor_name = method._tensor_name
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        if method.PRUNING_TYPE == "unstructured":
            left: Any = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.ndim
            others = [d for d in range(t.ndim) if d != dim]
            left = (slice(None),) * dim + (mask.sum(dim=others) != 0,)
        elif method.PRUNING_TYPE == "global":
            left = (slice(None),) * t.ndim
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        new = mask.clone()
        new[left] = method.compute_mask(t[left], default_mask=mask[left]).to(dtype=mask.dtype)
        return new


class Identity(BasePruningMethod):
    """Prunes nothing: it makes the mask, of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _Unstructured(BasePruningMethod):
    """Prunes the elements of the smallest scores: a number of them, or a fraction."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def _scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        mask = default_mask.clone().reshape(-1)
        count = _count(self.amount, t.numel())
        if count:
            mask[F.topk(self._scores(t).reshape(-1), k=count, largest=False).indices] = 0
        return mask.reshape(default_mask.shape)


class RandomUnstructured(_Unstructured):
    """Prunes elements by chance.

    Args:
        amount: how many, or, from 0.0 to 1.0, which fraction.
    """

    def _scores(self, t: Tensor) -> Tensor:
        return -F.rand_like(t)  # PyTorch takes the largest of these numbers


class L1Unstructured(_Unstructured):
    """Prunes the elements of the smallest magnitude.

    Args:
        amount: how many, or, from 0.0 to 1.0, which fraction.
    """

    def _scores(self, t: Tensor) -> Tensor:
        return t.abs()


class _Structured(BasePruningMethod):
    """Prunes the slices, along a dimension, of the smallest scores."""

    PRUNING_TYPE = "structured"
    amount: float

    def _scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.ndim < 2:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{tuple(t.shape)} with {t.ndim} dims"
            )
        if not -t.ndim <= self.dim < t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of shape {tuple(t.shape)}")
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        kept = F.ones(size, dtype=default_mask.dtype)
        if count:
            kept[F.topk(self._scores(t), k=count, largest=False).indices] = 0
        dim = self.dim % t.ndim
        return default_mask * kept.reshape([-1 if d == dim else 1 for d in range(t.ndim)])


class RandomStructured(_Structured):
    """Prunes slices by chance.

    Args:
        amount: how many, or, from 0.0 to 1.0, which fraction.
        dim: the dimension, such as that of the channels.
    """

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount, self.dim = amount, dim

    def _scores(self, t: Tensor) -> Tensor:
        return F.rand(t.shape[self.dim])


class LnStructured(_Structured):
    """Prunes the slices of the smallest n-norm.

    Args:
        amount: how many, or, from 0.0 to 1.0, which fraction.
        n: of the norm; ``inf``, ``-inf`` and "fro" too.
        dim: the dimension, such as that of the channels.
    """

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount, self.n, self.dim = amount, n, dim

    def _scores(self, t: Tensor) -> Tensor:
        dim = self.dim % t.ndim
        order = 2 if self.n == "fro" else float(self.n)
        return vector_norm(t, order, dim=[d for d in range(t.ndim) if d != dim])


class CustomFromMask(BasePruningMethod):
    """Prunes by a given mask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, int | float):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (not isinstance(amount, int) and amount > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0.0, 1.0] or a non-negative integer"
        )


def _count(amount: float, size: int) -> int:
    """How many of ``size`` are pruned."""
    if not isinstance(amount, int):
        return round(amount * size)
    if amount > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return amount


def identity(module: Module, name: str) -> Module:
    """Give a parameter a mask of ones; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements by chance: a number, or a fraction of them; returns the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prune the elements of the smallest magnitude: a number, or a fraction of them; returns the module.

    Args:
        importance_scores: whose magnitudes count instead.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.Linear(3, 1, bias=False)
    >>> layer.weight.data = torch.tensor([[3.0, -1.0, 2.0]])
    >>> _ = torch.nn.utils.prune.l1_unstructured(layer, "weight", amount=1)
    >>> layer.weight.detach(), list(layer.state_dict())
    (tensor([[3., -0., 2.]]), ['weight_orig', 'weight_mask'])
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune slices along a dimension by chance; returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: Any,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Prune the slices along a dimension of the smallest n-norm; returns the module.

    Args:
        importance_scores: whose norms count instead.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune by a mask; returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping[tuple[Module, str], Tensor] | None = None,
    **kwargs,
) -> None:
    """Prune several parameters as if they were one vector.

    Args:
        parameters: pairs (module, name).
        pruning_method: an unstructured method; ``kwargs`` are those of its constructor.
        importance_scores: what the masks are computed from, by pair; the parameters by default.

    Raises:
        TypeError: parameters cannot be iterated, or the method is not unstructured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    if importance_scores is not None and not isinstance(importance_scores, Mapping):
        raise TypeError("global_unstructured(): importance_scores is not a Mapping")
    pairs, given = list(parameters), importance_scores or {}
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    method._tensor_name = "temp"
    tensors = [getattr(*pair).detach() for pair in pairs]
    scores = F.cat([given.get(pair, t).detach().reshape(-1) for pair, t in zip(pairs, tensors)])
    masks = [getattr(module, f"{name}_mask", F.ones_like(t)) for (module, name), t in zip(pairs, tensors)]
    mask = PruningContainer(method).compute_mask(scores, F.cat([m.reshape(-1) for m in masks]))
    for (module, name), t, part in zip(pairs, tensors, mask.split([t.numel() for t in tensors])):
        custom_from_mask(module, name, part.reshape(t.shape))


def remove(module: Module, name: str) -> Module:
    """Make pruning of a parameter final: it is a parameter again, with zeros; returns the module.

    Raises:
        ValueError: it is not pruned.
    """
    number, hook = _hook_of(module, name)
    if hook is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    hook.remove(module)
    del module._forward_pre_hooks[number]
    return module


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of a module below it, is pruned.

    >>> import cnn_physics77 as torch
    >>> is_pruned(torch.nn.Linear(2, 2))
    False
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
    )


__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]
