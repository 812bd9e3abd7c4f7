"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_betas, check_not_negative, refuse_differentiable


class RAdam(ElementwiseOptimizer):
    r"""RAdam, rectified Adam (Liu et al. 2020): without the second moment while its variance is too large.

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \rho_\infty &= \frac{2}{1 - \beta_2} - 1 \qquad
        \rho = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t} \\
        p &\leftarrow p - \frac{\eta \, m}{1 - \beta_1^t} \begin{cases}
        \sqrt{\frac{(\rho - 4)(\rho - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho}} \,
        \frac{\sqrt{1 - \beta_2^t}}{\sqrt{v} + \epsilon} & \rho > 5 \\ 1 & \text{otherwise} \end{cases}

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ; with ``decoupled_weight_decay`` p is multiplied by 1 - ηλ instead, and g is ∇L.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, a beta is outside of [0, 1), or ``differentiable=True``.

    The state of a parameter has ``step`` (t), ``exp_avg`` (m) and ``exp_avg_sq`` (v).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.RAdam([x], lr=0.25)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -1.5000], requires_grad=True)
    """

    state_arrays = ("exp_avg", "exp_avg_sq")
    rule = staticmethod(adaptive_steps.radam)
    settings = ("betas", "weight_decay", "decoupled_weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("RAdam", lr=lr, eps=eps, weight_decay=weight_decay)
        refuse_differentiable("RAdam", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": check_betas("RAdam", betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        lr, (beta1, beta2) = float(group["lr"]), group["betas"]
        kept = 1 - lr * group["weight_decay"]
        size = lr / (1 - beta1**step)
        rest = beta2**step
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * rest / (1 - rest)
        if length <= 5:
            return size, 0.0, 1.0, kept
        rectified = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        return size * sqrt(rectified * (1 - rest)), 1.0, group["eps"], kept
