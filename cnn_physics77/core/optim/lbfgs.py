"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.optim.line_search import Point, strong_wolfe
from cnn_physics77.core.optim.optimizer import Optimizer, evaluate
from cnn_physics77.core.optim.settings import check_not_negative
from cnn_physics77.core.tensor import Tensor, from_array


class LBFGS(Optimizer):
    r"""L-BFGS, the quasi-Newton method of limited memory (Nocedal 1980; Liu and Nocedal 1989).

    From the last changes of x, :math:`s_i`, and of the gradient, :math:`y_i`, with
    :math:`\rho_i = 1 / (y_i \cdot s_i)`, it approximates the inverse Hessian H, and steps along
    :math:`d = -H \nabla L` (Nocedal and Wright 2006, algorithm 7.4):

    .. math::
        q &\leftarrow -\nabla L \\
        a_i &= \rho_i \, s_i \cdot q, \quad q \leftarrow q - a_i y_i \qquad \text{from last to first} \\
        d &\leftarrow \frac{y \cdot s}{y \cdot y} \, q \qquad \text{of the last pair} \\
        d &\leftarrow d + (a_i - \rho_i \, y_i \cdot d) \, s_i \qquad \text{from first to last} \\
        x &\leftarrow x + t d

    Pairs with :math:`y \cdot s \le 10^{-10}` are not kept. t is ``lr``, in the very first iteration times
    :math:`\min(1, 1 / \|\nabla L\|_1)`; with ``line_search_fn="strong_wolfe"`` it is where a line search
    begins that ends at the strong Wolfe conditions (:mod:`cnn_physics77.core.optim.line_search`).

    All parameters together are one vector x; complex ones are pairs of real numbers. A call of ``step`` makes
    many iterations, each of which needs the closure, and the whole data set in it.

    Args:
        params: see :class:`Optimizer`; one group only.
        lr: t.
        max_iter: iterations per step, at most.
        max_eval: calls of the closure per step, about; 1.25 max_iter by default.
        tolerance_grad: a step ends if no element of the gradient is larger.
        tolerance_change: a step ends if no element of x, or the loss, changes by more, and where the slope
            along d is above -tolerance_change.
        history_size: the number of pairs that are kept.
        line_search_fn: "strong_wolfe" or None.

    Raises:
        ValueError: lr is negative, or there are several groups; at a step, line_search_fn is unknown (this
            is a RuntimeError too).
        TypeError: ``step`` has no closure.

    The state, under the first parameter, has ``func_evals`` and ``n_iter``, counts of the whole run, and what
    the next step goes on with: ``d``, ``t``, ``old_dirs`` (the y), ``old_stps`` (the s), ``ro``, ``H_diag``,
    ``prev_flat_grad`` and ``prev_loss``.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
    >>> optimizer = torch.optim.LBFGS([x], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(12.5000, dtype=torch.float64, grad_fn=<AddBackward0>)
    >>> x
    tensor([1.0000, 1.0000], dtype=torch.float64, requires_grad=True)
    """

    replayable = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_not_negative("LBFGS", lr=lr)
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        self._params()

    def _params(self) -> list[Tensor]:
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups): expected one group, found "
                f"{len(self.param_groups)}; give all parameters in one list"
            )
        return self.param_groups[0]["params"]

    @silent
    def step(self, closure: Callable):  # type: ignore[override]
        """Make up to ``max_iter`` iterations.

        Args:
            closure: sets the gradients to zero, computes the loss and its gradients, and returns the loss.

        Returns:
            What the closure returned first.
        """
        params, group = self._params(), self.param_groups[0]
        lr, tolerance = group["lr"], group["tolerance_change"]
        lr = float(lr) if isinstance(lr, Tensor) else lr
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise _UnknownSearchError(
                f"LBFGS: only 'strong_wolfe' is supported: expected it or None as line_search_fn, found "
                f"{group['line_search_fn']!r}"
            )
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        before = state["func_evals"]

        def compute() -> tuple[Any, float, np.ndarray]:
            state["func_evals"] += 1
            returned = evaluate(closure)
            return returned, float(returned), _flat_gradient(params)

        first, loss, gradient = compute()
        if _largest(gradient) <= group["tolerance_grad"]:
            return first
        memory = _Memory(state)
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = -gradient
                t = min(1.0, 1 / float(np.abs(gradient).sum())) * lr
            else:
                memory.add(gradient, group["history_size"])
                direction = memory.direction(gradient)
                t = lr
            memory.direction_taken, memory.step, memory.gradient, memory.loss = direction, t, gradient, loss
            slope = float(gradient @ direction)
            if slope > -tolerance:
                break
            last_loss, last = loss, iteration == group["max_iter"]
            if group["line_search_fn"] is None:
                _move(params, t, direction)
                if not last:
                    _, loss, gradient = compute()
            else:
                point = self._search(
                    params,
                    compute,
                    direction,
                    Point(0.0, loss, gradient, slope),
                    t,
                    group["max_eval"] - (state["func_evals"] - before),
                )
                memory.step = t = point.t
                loss, gradient = point.loss, point.gradient
                _move(params, t, direction)
            if (
                last
                or state["func_evals"] - before >= group["max_eval"]
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(direction) * abs(t) <= tolerance
                or abs(loss - last_loss) < tolerance
            ):
                break
        memory.write(state)
        return first

    @staticmethod
    def _search(
        params: list[Tensor],
        compute: Callable[[], tuple[Any, float, np.ndarray]],
        direction: np.ndarray,
        start: Point,
        t: float,
        trials: int,
    ) -> Point:
        """The line search; the parameters are as before afterwards."""
        copies = [p.array.copy() for p in params]

        def evaluate_at(t: float) -> Point:
            _move(params, t, direction)
            _, loss, gradient = compute()
            for p, values in zip(params, copies):
                np.copyto(p.array, values)
                p.mark_changed()
            return Point(t, loss, gradient, float(gradient @ direction))

        return strong_wolfe(evaluate_at, start, t, _largest(direction), trials)


class _UnknownSearchError(ValueError, RuntimeError):
    """A ValueError, as for other settings, and a RuntimeError, as in PyTorch."""


class _Memory:
    """What one iteration leaves to the next: the pairs, and the last direction, step and gradient."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.y, self.s = ([t.array for t in state.get(name, ())] for name in ("old_dirs", "old_stps"))
        self.rho = [float(number) for number in state.get("ro", ())]
        self.scale = float(state.get("H_diag", 1.0))
        self.direction_taken, self.gradient = (
            state[name].array if name in state else np.zeros(0) for name in ("d", "prev_flat_grad")
        )
        t = state.get("t", 0.0)
        self.step, self.loss = float(t) if isinstance(t, Tensor) else t, state.get("prev_loss")

    def write(self, state: dict[str, Any]) -> None:
        """Write all of it into an optimizer's state."""
        dtype = self.gradient.dtype
        state["d"], state["t"] = from_array(self.direction_taken), self.step
        state["old_dirs"], state["old_stps"] = ([from_array(a) for a in pairs] for pairs in (self.y, self.s))
        state["ro"] = [from_array(np.array(number, dtype)) for number in self.rho]
        state["H_diag"] = from_array(np.array(self.scale, dtype))
        state["prev_flat_grad"], state["prev_loss"] = from_array(self.gradient), self.loss

    def add(self, gradient: np.ndarray, limit: int) -> None:
        """Add the pair of the last step, unless its curvature is too small."""
        y, s = gradient - self.gradient, self.direction_taken * self.step
        curvature = float(y @ s)
        if curvature > 1e-10:
            self.y.append(y)
            self.s.append(s)
            self.rho.append(1 / curvature)
            self.scale = curvature / float(y @ y)
            if len(self.y) > limit:
                del self.y[0], self.s[0], self.rho[0]

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """-H ∇L by the two loops."""
        q, factors = -gradient, []
        for y, s, rho in zip(reversed(self.y), reversed(self.s), reversed(self.rho)):
            factors.append(rho * float(s @ q))
            q -= factors[-1] * y
        q *= self.scale
        for y, s, rho, factor in zip(self.y, self.s, self.rho, reversed(factors)):
            q += (factor - rho * float(y @ q)) * s
        return q


def _largest(vector: np.ndarray) -> float:
    return float(np.abs(vector).max(initial=0.0))


def _flat_gradient(params: list[Tensor]) -> np.ndarray:
    """All gradients as one real vector; zeros where there is none."""
    parts = []
    for p in params:
        part = (np.zeros_like(p.array) if p.grad is None else p.grad.array).reshape(-1)
        parts.append(part.view(part.real.dtype))
    return np.concatenate(parts)


def _move(params: list[Tensor], t: float, direction: np.ndarray) -> None:
    """x <- x + t d"""
    start = 0
    for p in params:
        end = start + p.array.size * (2 if p.array.dtype.kind == "c" else 1)
        part = (t * direction[start:end]).astype(p.array.real.dtype, copy=False)
        p.array += part.view(p.array.dtype).reshape(p.array.shape)
        p.mark_changed()
        start = end
