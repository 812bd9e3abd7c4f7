"""Adam for tables of which few rows have a gradient."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.optim.optimizer import SingleParameterOptimizer
from cnn_physics77.core.optim.settings import check_betas
from cnn_physics77.core.tensor import Tensor, from_array


class SparseAdam(SingleParameterOptimizer):
    r"""Adam that leaves rows without a gradient, and their moments, as they are: for ``nn.Embedding``.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt{v} + \epsilon}

    Gradients are dense here, also with ``sparse=True``. So the rows are those whose gradient has an element
    other than 0. PyTorch's are those that were looked up. The two differ where the gradient of a row that was
    looked up is 0, as behind a ReLU: there PyTorch's moments decay.

    Args:
        params: see :class:`Optimizer`.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        maximize: maximize instead: the sign of the gradient is changed.

    Raises:
        ValueError: a number is out of range, or a parameter is complex.

    The state of a parameter has ``step`` (t), ``exp_avg`` (m) and ``exp_avg_sq`` (v).

    >>> import cnn_physics77 as torch
    >>> table = torch.nn.Embedding.from_pretrained(torch.ones(3, 2), freeze=False, sparse=True)
    >>> optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.5)
    >>> table(torch.tensor([1])).sum().backward()
    >>> optimizer.step()
    >>> table.weight.data
    tensor([[1.0000, 1.0000],
            [0.5000, 0.5000],
            [1.0000, 1.0000]])
    """

    replayable = False

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"SparseAdam: Tensor lr must be 1-element, found shape {tuple(lr.shape)}")
        if not lr > 0:
            raise ValueError(f"SparseAdam: Invalid learning rate: {lr}; expected a positive number")
        if not eps > 0:
            raise ValueError(f"SparseAdam: Invalid epsilon value: {eps}; expected a positive number")
        betas = check_betas("SparseAdam", betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for group in self.param_groups:
            for p in group["params"]:
                if p.is_complex():
                    raise ValueError(
                        f"SparseAdam: SparseAdam does not support complex parameters, found {p.dtype}"
                    )

    @silent
    def _update(self, p: Tensor, gradient: np.ndarray, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = (from_array(np.zeros_like(p.array)) for _ in range(2))
        state["step"] += 1
        rows = np.flatnonzero(gradient.any(tuple(range(1, gradient.ndim)))) if gradient.ndim else ...
        g = -gradient[rows] if group["maximize"] else gradient[rows]
        m, v = state["exp_avg"].array, state["exp_avg_sq"].array
        m[rows] += (1 - beta1) * (g - m[rows])
        v[rows] += (1 - beta2) * (g * g - v[rows])
        scale = float(group["lr"]) * sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        p.array[rows] -= scale * (m[rows] / (np.sqrt(v[rows]) + group["eps"]))
        p.mark_changed()


__all__ = ["SparseAdam"]
