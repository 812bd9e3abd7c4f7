"""Adafactor."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.optim.optimizer import SingleParameterOptimizer
from cnn_physics77.core.optim.settings import check_not_negative
from cnn_physics77.core.tensor import Tensor, from_array


class Adafactor(SingleParameterOptimizer):
    r"""Adafactor (Shazeer and Stern 2018): the second moment of a matrix is kept as a row and a column.

    .. math::
        g &\leftarrow \nabla L \qquad \omega = t^\gamma \qquad
        \alpha = \max(\epsilon_2, \operatorname{rms}(p)) \min(\eta, 1 / \sqrt t) \\
        R &\leftarrow (1 - \omega) R + \omega \operatorname{mean}_{columns} g^2 \qquad
        C \leftarrow (1 - \omega) C + \omega \operatorname{mean}_{rows} g^2 \\
        V &= R \, C / \max(\operatorname{mean} R, \epsilon_1) \\
        u &= g / \sqrt{\max(V, \epsilon_1^2)} \\
        p &\leftarrow (1 - \eta \lambda) p - \alpha \, u / \max(1, \operatorname{rms}(u) / d)

    A parameter of fewer than two dimensions keeps V itself, the running mean of g². One of more is a batch of
    matrices, its last two dimensions.

    Args:
        params: see :class:`Optimizer`; they must be real.
        lr: η.
        beta2_decay: γ, not positive.
        eps: ε₁ and ε₂; None is the dtype's resolution, ``finfo(dtype).eps``.
        d: the root mean square of an update is clipped to this.
        weight_decay: λ, decoupled from the gradient.
        foreach: accepted for PyTorch's sake; there is one implementation.
        maximize: maximize instead: the sign of the gradient is changed.

    Raises:
        ValueError: lr, eps or weight_decay is negative, beta2_decay is positive, or d is less than 1.
        DtypeError: at a step, a parameter is complex.

    The state of a parameter has ``step`` (t), and ``row_var`` (R) and ``col_var`` (C), or ``variance`` (V).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[1.0, -3.0]], requires_grad=True)
    >>> optimizer = torch.optim.Adafactor([x], lr=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([[-0.1180, -1.8820]], requires_grad=True)
    """

    replayable = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_not_negative("Adafactor", lr=lr, weight_decay=weight_decay)
        if beta2_decay > 0:
            raise ValueError(f"Adafactor: beta2_decay should be <= 0 but is: {beta2_decay}")
        for i, epsilon in enumerate(eps):
            if epsilon is not None and not epsilon >= 0:
                raise ValueError(f"Adafactor: epsilon{i + 1} should be >= 0 but is: {epsilon}")
        if not d >= 1:
            raise ValueError(f"Adafactor: Clipping threshold d should be >= 1 but is: {d}")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    @silent
    def _update(self, p: Tensor, gradient: np.ndarray, group: dict[str, Any]) -> None:
        if not p.array.size:
            return
        if p.array.dtype.kind == "c":
            raise DtypeError(
                "Adafactor: Adafactor does not support complex parameters: expected real ones, found "
                f"{p.dtype}"
            )
        state = self.state[p] or self._first_state(p)
        step, lr, (eps1, eps2) = state["step"].array, float(group["lr"]), group["eps"]
        eps1 = np.finfo(p.array.dtype).eps if eps1 is None else eps1
        step += 1
        t = float(step)
        new = t ** group["beta2_decay"]
        size = max(eps2, _root_mean_square(p.array)) * min(lr, 1 / sqrt(t))
        if group["weight_decay"] != 0:
            p.array *= 1 - lr * group["weight_decay"]
        g = -gradient if group["maximize"] else gradient
        if g.ndim > 1:
            row, column = state["row_var"].array, state["col_var"].array
            row += new * (np.mean(g * g, axis=-1, keepdims=True) - row)
            column += new * (np.mean(g * g, axis=-2, keepdims=True) - column)
            variance = row @ column / np.maximum(np.mean(row, axis=-2, keepdims=True), eps1)
        else:
            variance = state["variance"].array
            variance += new * (g * g - variance)
        update = g / np.sqrt(np.maximum(variance, eps1 * eps1))
        update *= size / max(1.0, _root_mean_square(update) / group["d"])
        np.subtract(p.array, update, out=p.array)
        p.mark_changed()

    def _first_state(self, p: Tensor) -> dict[str, Any]:
        shape, state = p.array.shape, self.state[p]
        state["step"] = from_array(np.zeros((), default_dtype()))
        if len(shape) > 1:
            state["row_var"] = from_array(np.zeros((*shape[:-1], 1), p.array.dtype))
            state["col_var"] = from_array(np.zeros((*shape[:-2], 1, shape[-1]), p.array.dtype))
        else:
            state["variance"] = from_array(np.zeros(shape, p.array.dtype))
        return state


def _root_mean_square(x: np.ndarray) -> float:
    return sqrt(np.mean(x * x))
