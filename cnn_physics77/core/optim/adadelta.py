"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_not_negative, refuse_differentiable


class Adadelta(ElementwiseOptimizer):
    r"""Adadelta (Zeiler 2012): the step has the size of the steps before, relative to that of the gradients.

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        v &\leftarrow \rho v + (1 - \rho) g^2 \\
        d &= g \sqrt{u + \epsilon} / \sqrt{v + \epsilon} \\
        u &\leftarrow \rho u + (1 - \rho) d^2 \\
        p &\leftarrow p - \eta d

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        rho: ρ.
        eps: ε.
        weight_decay: λ.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, rho is greater than 1, or ``differentiable=True``.

    The state of a parameter has ``step``, ``square_avg`` (v) and ``acc_delta`` (u).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.Adadelta([x], eps=1.0)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([-0.6903, -0.2025], requires_grad=True)
    """

    state_arrays = ("square_avg", "acc_delta")
    rule = staticmethod(adaptive_steps.adadelta)
    settings = ("rho", "eps", "weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative("Adadelta", lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
        if rho > 1:
            raise ValueError(f"Adadelta: Invalid rho value: {rho}; expected a number from 0 to 1")
        refuse_differentiable("Adadelta", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )
