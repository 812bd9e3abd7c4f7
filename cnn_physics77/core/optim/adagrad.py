"""AdaGrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_fused, check_not_negative, refuse_differentiable


class Adagrad(ElementwiseOptimizer):
    r"""AdaGrad (Duchi, Hazan and Singer 2011).

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        s &\leftarrow s + g^2 \\
        p &\leftarrow p - \frac{\eta}{1 + (t - 1) \zeta} \, \frac{g}{\sqrt{s} + \epsilon}

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        lr_decay: ζ.
        weight_decay: λ.
        initial_accumulator_value: s before the first step.
        eps: ε.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, fused: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, or ``differentiable=True``.
        RuntimeError: both foreach and fused are True.

    The state of a parameter has ``step`` (t) and ``sum`` (s), from the beginning.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.Adagrad([x], lr=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -2.5000], requires_grad=True)
    """

    state_arrays = ("sum",)
    rule = staticmethod(adaptive_steps.adagrad)
    settings = ("eps", "weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_not_negative(
            "Adagrad",
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        refuse_differentiable("Adagrad", differentiable)
        check_fused(fused, foreach)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            self._make_packs(group["params"], self.state_names(group), self.first_values(group))

    def first_values(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "sum": group["initial_accumulator_value"]}

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        return (float(group["lr"]) / (1 + (step - 1) * group["lr_decay"]),)
