"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_not_negative, refuse_differentiable


class Rprop(ElementwiseOptimizer):
    r"""Rprop, resilient backpropagation (Riedmiller and Braun 1993), for gradients of the whole data set.

    Every element has its own step size s, and only the sign of its gradient counts.

    .. math::
        s &\leftarrow s \cdot \begin{cases} \eta_+ & g \, g_{t-1} > 0 \\ \eta_- & g \, g_{t-1} < 0 \\
        1 & \text{otherwise} \end{cases} \qquad s \leftarrow \min(\max(s, s_{min}), s_{max}) \\
        g &\leftarrow 0 \text{ if } g \, g_{t-1} < 0 \\
        p &\leftarrow p - s \, \operatorname{sign}(g)

    Args:
        params: see :class:`Optimizer`.
        lr: s before the first step; later changes have no effect.
        etas: η₋ and η₊.
        step_sizes: the smallest and the largest s.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: lr is negative, not 0 < η₋ < 1 < η₊, or ``differentiable=True``.

    The state of a parameter has ``step``, ``prev`` (the last g) and ``step_size`` (s).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.Rprop([x], lr=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0.5000, -2.5000], requires_grad=True)
    """

    state_arrays = ("prev", "step_size")
    rule = staticmethod(adaptive_steps.rprop)
    settings = ("etas", "step_sizes", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("Rprop", lr=lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Rprop: Invalid eta values: {etas[0]}, {etas[1]}; expected 0 < eta- < 1 < eta+")
        refuse_differentiable("Rprop", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def first_values(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "step_size": float(group["lr"])}

    def numbers(
        self, group: dict[str, Any], step: float, scalars: dict[str, np.ndarray]
    ) -> tuple[float, ...]:
        return ()
