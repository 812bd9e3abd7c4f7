"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_betas, check_not_negative, refuse_differentiable


class Adamax(ElementwiseOptimizer):
    r"""Adamax, Adam with the infinity norm (Kingma and Ba 2015, section 7.1).

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        u &\leftarrow \max(\beta_2 u, |g| + \epsilon) \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \, \frac{m}{u}

    The real and the imaginary part of complex numbers are treated as two numbers.

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, a beta is outside of [0, 1), or ``differentiable=True``.

    The state of a parameter has ``step`` (t), ``exp_avg`` (m) and ``exp_inf`` (u).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.Adamax([x], lr=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -2.5000], requires_grad=True)
    """

    state_arrays = ("exp_avg", "exp_inf")
    rule = staticmethod(adaptive_steps.adamax)
    settings = ("betas", "eps", "weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_not_negative("Adamax", lr=lr, eps=eps, weight_decay=weight_decay)
        refuse_differentiable("Adamax", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": check_betas("Adamax", betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        return (float(group["lr"]) / (1 - group["betas"][0] ** step),)
