"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.kernels import optimizer_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import (
    check_betas,
    check_fused,
    check_not_negative,
    check_tensor_settings,
    refuse_differentiable,
)


class Adam(ElementwiseOptimizer):
    r"""Adam (Kingma and Ba 2015), with AMSGrad (Reddi et al. 2018) as an option.

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \eta \, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ; with ``decoupled_weight_decay`` p is multiplied by 1 - ηλ instead, and g is ∇L.
        amsgrad: the last line uses the largest v so far instead of v.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, fused, capturable: accepted for PyTorch's sake; there is one implementation, and it is fused.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, a beta is outside of [0, 1), only one beta is a tensor, lr or betas
            are tensors with ``foreach=True``, or ``differentiable=True``.
        RuntimeError: both foreach and fused are True.

    The state of a parameter has ``step`` (t), ``exp_avg`` (m), ``exp_avg_sq`` (v) and, with AMSGrad,
    ``max_exp_avg_sq``.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.Adam([x], lr=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -2.5000], requires_grad=True)
    """

    rule = staticmethod(optimizer_steps.adam)
    settings = ("betas", "weight_decay", "decoupled_weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        name = type(self).__name__
        check_not_negative(name, lr=lr, eps=eps, weight_decay=weight_decay)
        refuse_differentiable(name, differentiable)
        check_fused(fused, foreach)
        check_tensor_settings(name, lr, betas, foreach, capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": check_betas(name, betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        return optimizer_steps.adam_numbers(
            step, float(group["lr"]), group["betas"], group["eps"], group["weight_decay"]
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Each step multiplies p by 1 - lr weight_decay.

    Arguments, errors and state are those of :class:`Adam`; the default of ``weight_decay`` is 0.01.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
