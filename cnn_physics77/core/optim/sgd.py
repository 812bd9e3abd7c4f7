"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from cnn_physics77.core.kernels import optimizer_steps
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_fused, check_not_negative, refuse_differentiable


class SGD(ElementwiseOptimizer):
    r"""Stochastic gradient descent, with momentum (Sutskever et al. 2013).

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        b &\leftarrow \mu b + (1 - \tau) g \qquad (b = g \text{ at the first step}) \\
        p &\leftarrow p - \eta \, b \qquad (\text{nesterov: } p - \eta (g + \mu b))

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        momentum: μ.
        dampening: τ.
        weight_decay: λ.
        nesterov: Nesterov momentum; requires a momentum and zero dampening.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, fused: accepted for PyTorch's sake; there is one implementation, and it is fused.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, nesterov has no momentum or a dampening, or ``differentiable=True``.
        RuntimeError: both foreach and fused are True.

    The state of a parameter has ``momentum_buffer`` (b) if there is a momentum.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.SGD([x], lr=0.25, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (x * x).sum().backward()
    ...     optimizer.step()
    >>> x
    tensor([0.], requires_grad=True)
    """

    rule = staticmethod(optimizer_steps.sgd)
    settings = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_not_negative("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "SGD: Nesterov momentum requires a momentum and zero dampening, found momentum "
                f"{momentum} and dampening {dampening}"
            )
        refuse_differentiable("SGD", differentiable)
        check_fused(fused, foreach)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def first_values(self, group: dict[str, Any]) -> dict[str, float]:
        return {}

    def update(
        self, group: dict[str, Any], numbers: tuple[float, ...], first_step: bool
    ) -> Callable[..., ParallelLoop]:
        return partial(super().update(group, numbers, first_step), first_step=first_step)
