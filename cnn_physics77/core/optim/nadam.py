"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_betas, check_not_negative, refuse_differentiable


class NAdam(ElementwiseOptimizer):
    r"""NAdam, Adam with Nesterov's momentum (Dozat 2016).

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        \mu_t &= \beta_1 (1 - \tfrac{1}{2} \, 0.96^{t \psi}) \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \hat m &= \frac{\mu_{t+1} m}{1 - \prod_{i=1}^{t+1} \mu_i} +
        \frac{(1 - \mu_t) g}{1 - \prod_{i=1}^{t} \mu_i} \\
        p &\leftarrow p - \eta \, \frac{\hat m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ; with ``decoupled_weight_decay`` p is multiplied by 1 - ηλ instead, and g is ∇L.
        momentum_decay: ψ.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, a beta is outside of [0, 1), or ``differentiable=True``.

    The state of a parameter has ``step`` (t), ``mu_product``, ``exp_avg`` (m) and ``exp_avg_sq`` (v). The
    product of the μ is a number of the default dtype, single or double, as in PyTorch.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.NAdam([x], lr=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.4718, -2.4718], requires_grad=True)
    """

    state_arrays = ("exp_avg", "exp_avg_sq")
    rule = staticmethod(adaptive_steps.nadam)
    settings = ("betas", "eps", "weight_decay", "decoupled_weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("NAdam", lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        refuse_differentiable("NAdam", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": check_betas("NAdam", betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def first_values(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "mu_product": 1.0}

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        lr, (beta1, beta2), decay = float(group["lr"]), group["betas"], group["momentum_decay"]
        mu, next_mu = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
        scalars["mu_product"] *= mu
        product = float(scalars["mu_product"][0])
        return (
            lr * (1 - mu) / (1 - product),
            lr * next_mu / (1 - product * next_mu),
            1 - beta2**step,
            1 - lr * group["weight_decay"],
        )
