"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_not_negative, refuse_differentiable


class ASGD(ElementwiseOptimizer):
    r"""Averaged stochastic gradient descent (Polyak and Juditsky 1992; the rates are those of Xu 2011).

    .. math::
        g &\leftarrow \nabla L + \lambda_w p \\
        p &\leftarrow (1 - \lambda \eta_t) p - \eta_t g \\
        a &\leftarrow a + \mu_t (p - a) \\
        \eta_{t+1} &= \frac{\eta}{(1 + \lambda \eta t)^\alpha} \qquad
        \mu_{t+1} = \frac{1}{\max(1, t - t_0)}

    The average a, ``state[p]["ax"]``, is what the method is made for; p itself is not averaged.

    Args:
        params: see :class:`Optimizer`.
        lr: η, also of the first step.
        lambd: λ.
        alpha: α.
        t0: t₀, the step from which on averages are taken.
        weight_decay: λ_w.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: lr or weight_decay is negative, or ``differentiable=True``.

    The state of a parameter has ``step`` (t), ``eta`` and ``mu`` of the next step, rounded to the
    default dtype as in PyTorch, and ``ax`` (a).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.ASGD([x], lr=0.25, lambd=0.0)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -1.5000], requires_grad=True)
    """

    state_arrays = ("ax",)
    rule = staticmethod(adaptive_steps.asgd)
    settings = ("weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_not_negative("ASGD", lr=lr, weight_decay=weight_decay)
        refuse_differentiable("ASGD", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def first_values(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": float(group["lr"]), "mu": 1.0}

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        lr, lambd = float(group["lr"]), group["lambd"]
        eta, mu = float(scalars["eta"][0]), float(scalars["mu"][0])
        scalars["eta"][:] = default_dtype().type(lr / (1 + lambd * lr * step) ** group["alpha"])
        scalars["mu"][:] = default_dtype().type(1 / max(1, step - group["t0"]))
        return eta, 1 - lambd * eta, mu
