"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnn_physics77.core.kernels import adaptive_steps
from cnn_physics77.core.optim.packed import ElementwiseOptimizer
from cnn_physics77.core.optim.settings import check_not_negative, refuse_differentiable


class RMSprop(ElementwiseOptimizer):
    r"""RMSprop (Tieleman and Hinton 2012, Lecture 6.5), also centred (Graves 2013), with momentum.

    .. math::
        g &\leftarrow \nabla L + \lambda p \\
        v &\leftarrow \alpha v + (1 - \alpha) g^2 \\
        a &\leftarrow \alpha a + (1 - \alpha) g \qquad (\text{centred; else } a = 0) \\
        b &\leftarrow \mu b + g / (\sqrt{v - a^2} + \epsilon) \\
        p &\leftarrow p - \eta b

    ε is added outside of the root.

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        alpha: α.
        eps: ε.
        weight_decay: λ.
        momentum: μ.
        centered: divide by the standard deviation of the gradient instead of its root mean square.
        maximize: maximize instead: the sign of the gradient is changed.
        foreach, capturable: accepted for PyTorch's sake; there is one implementation.
        differentiable: must be False.

    Raises:
        ValueError: a number is negative, or ``differentiable=True``.

    The state of a parameter has ``step``, ``square_avg`` (v), with momentum ``momentum_buffer`` (b), and if
    centred ``grad_avg`` (a).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, -3.0], requires_grad=True)
    >>> optimizer = torch.optim.RMSprop([x], lr=0.5, alpha=0.75)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([ 0., -2.], requires_grad=True)
    """

    rule = staticmethod(adaptive_steps.rmsprop)
    settings = ("alpha", "eps", "momentum", "centered", "weight_decay", "maximize")

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_not_negative(
            "RMSprop", lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha
        )
        refuse_differentiable("RMSprop", differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        with_momentum = ("momentum_buffer",) if group["momentum"] != 0 else ()
        return ("square_avg", *with_momentum, *(("grad_avg",) if group["centered"] else ()))
