"""Muon."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.optim.optimizer import SingleParameterOptimizer
from cnn_physics77.core.optim.settings import check_not_negative
from cnn_physics77.core.tensor import Tensor, from_array


class Muon(SingleParameterOptimizer):
    r"""Muon (Jordan et al. 2024): momentum whose singular values are all set to about 1, for matrices.

    .. math::
        b &\leftarrow \mu b + (1 - \mu) \nabla L \\
        u &= \operatorname{orthogonal}(b) \qquad
        (\text{nesterov: of } (1 - \mu) \nabla L + \mu b) \\
        p &\leftarrow (1 - \eta \lambda) p - \eta s u

    The orthogonal matrix is found by k Newton-Schulz iterations, which start from X = b / max(‖b‖, ε):

    .. math::
        A = X X^T \qquad X \leftarrow a X + (b A + c A^2) X

    With the default coefficients singular values end between 0.7 and 1.2: no iteration brings them there
    faster. PyTorch iterates in bfloat16; here it is done in the parameter's own dtype. For a matrix of n rows
    and m columns, s is √max(1, n/m) ("original", Jordan), or 0.2 √max(n, m) ("match_rms_adamw", Liu et al.
    2025: then lr and weight_decay of AdamW fit).

    Args:
        params: see :class:`Optimizer`; real matrices, so without biases.
        lr: η.
        weight_decay: λ, decoupled from the gradient.
        momentum: μ.
        nesterov: Nesterov's momentum.
        ns_coefficients: a, b and c.
        eps: ε.
        ns_steps: k.
        adjust_lr_fn: "original" or "match_rms_adamw"; None is the first.

    Raises:
        ValueError: a number is negative, a parameter is no matrix, adjust_lr_fn is unknown; at a step,
            there are not three ns_coefficients, or 100 ns_steps or more.
        DtypeError: at a step, a parameter is complex.

    The state of a parameter has ``momentum_buffer`` (b).

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 9.0]], requires_grad=True)
    >>> optimizer = torch.optim.Muon([x], lr=1.0, weight_decay=0.0)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([[0.2471, 0.0000],
            [0.0000, 8.2966]], requires_grad=True)
    """

    replayable = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_not_negative("Muon", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Muon: Adjust learning rate function {adjust_lr_fn} is not supported; expected "
                "'original' or 'match_rms_adamw'"
            )
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon: Muon only supports 2D parameters, found one of shape {tuple(p.shape)}; give "
                        "the others to AdamW"
                    )

    @silent
    def _update(self, p: Tensor, g: np.ndarray, group: dict[str, Any]) -> None:
        if p.array.dtype.kind == "c":
            raise DtypeError(
                f"Muon: Muon does not support complex parameters: expected real ones, found {p.dtype}"
            )
        state, lr, momentum = self.state[p], float(group["lr"]), group["momentum"]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = from_array(np.zeros(g.shape, g.dtype))
        buffer = state["momentum_buffer"].array
        buffer += (1 - momentum) * (g - buffer)
        update = buffer + (1 - momentum) * (g - buffer) if group["nesterov"] else buffer
        update = orthogonalized(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = p.array.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * sqrt(max(rows, columns))
        else:
            scale = sqrt(max(1, rows / columns)) if columns else 1.0
        p.array *= 1 - lr * group["weight_decay"]
        p.array -= lr * scale * update
        p.mark_changed()


def orthogonalized(
    matrix: np.ndarray, coefficients: tuple[float, float, float], steps: int, eps: float
) -> np.ndarray:
    """The matrix with its singular values brought near 1; see :class:`Muon`.

    >>> orthogonalized(np.diag([1.0, 9.0]), (1.5, -0.5, 0.0), 20, 1e-7).round(6)  # Newton-Schulz of order 3
    array([[1., 0.],
           [0., 1.]])
    """
    if steps >= 100:
        raise ValueError(f"Muon: expected fewer than 100 ns_steps, found {steps}; 5 are enough")
    if len(coefficients) != 3:
        raise ValueError(f"Muon: expected exactly 3 ns_coefficients, found {len(coefficients)}")
    a, b, c = coefficients
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / max(np.linalg.norm(x), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else x.T
