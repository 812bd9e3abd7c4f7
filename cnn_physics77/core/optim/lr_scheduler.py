r"""Schedules of the learning rate, with PyTorch's arguments, numbers and state.

A scheduler sets ``group["lr"]`` of every group of an optimizer when it is created (epoch 0) and at each
``step()``; an epoch is the time between two steps. :math:`\eta_t` is the rate of epoch t, and :math:`\eta_0`
the optimizer's rate.

Most rules have two forms. The recursive one computes the next rate from the current one, so that several
schedulers can act on one optimizer. The closed form is used by a sequence that restarts a scheduler.
"""

from __future__ import annotations

import math
import types
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor


def check_optimizer(optimizer) -> None:
    """Raise TypeError unless it is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{type(optimizer).__name__} is not an Optimizer; give the one whose rate is to change"
        )


def set_rate(group: dict[str, Any], rate) -> None:
    """Set a group's rate. A tensor stays the same one, since the program, or a captured step, may hold it."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate


def _copied(rate):
    return rate.detach().clone() if isinstance(rate, Tensor) else rate


def per_group(name: str, optimizer: Optimizer, value) -> list:
    """One value per parameter group; a single value is repeated.

    Raises:
        ValueError: the number of values is not the number of groups.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {groups}."
        )
    return list(value)


class LRScheduler:
    """The base of the schedulers: a subclass defines ``get_lr``.

    Args:
        optimizer: the optimizer whose rates are set.
        last_epoch: the epoch to continue after; -1 starts at epoch 0.

    Attributes:
        base_lrs: the initial rate of each group.
        last_epoch: the current epoch.

    Raises:
        TypeError: not an optimizer.
        KeyError: ``last_epoch`` is given, and a group has no ``"initial_lr"``.
    """

    schedules_by_epoch = True
    """Whether the rate depends only on the epoch, not on a metric."""
    _is_initial = False
    _last_lr: list
    _step_count: int

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0; load the optimizer's state first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def _current_lrs(self) -> list:
        return [_copied(group["lr"]) for group in self.optimizer.param_groups]

    def get_lr(self) -> list:
        """The rates of the epoch ``last_epoch``, one per group."""
        raise NotImplementedError(f"{type(self).__name__} is missing the required get_lr function")

    def get_last_lr(self) -> list:
        """The rates that were set last, one per group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch: call it after the optimizer's steps.

        Args:
            epoch: the epoch to go to; deprecated.
        """
        if self._step_count == 1 and not self.optimizer._steps_called:
            warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in "
                "the opposite order; failure to do this will result in skipping the first value of the "
                "learning rate schedule."
            )
        if epoch is not None:
            warn("The epoch parameter in `scheduler.step()` is deprecated; use `scheduler.step()`.")
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            self.last_epoch = epoch
            rates = self._get_closed_form_lr()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._current_lrs()

    def _get_closed_form_lr(self) -> list:
        return self.get_lr()

    def state_dict(self) -> dict[str, Any]:
        """All attributes except the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`."""
        self.__dict__.update(state_dict)


class _FunctionScheduler(LRScheduler):
    """Rates given by functions of the epoch, one per group.

    The state contains callable objects, but no functions."""

    def __init__(self, optimizer: Optimizer, lr_lambda, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.lr_lambdas = per_group("lr_lambda", optimizer, lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["lr_lambdas"] = [
            None if isinstance(f, types.FunctionType) else dict(f.__dict__) for f in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            if attributes is not None:
                function.__dict__.update(attributes)


class LambdaLR(_FunctionScheduler):
    r""":math:`\eta_t = \eta_0 f(t)`.

    Args:
        lr_lambda: f; or a list of functions, one per group.

    >>> import cnn_physics77 as torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> optimizer.step(); scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def get_lr(self) -> list:
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs)]


class MultiplicativeLR(_FunctionScheduler):
    r""":math:`\eta_t = \eta_{t-1} f(t)`.

    Args:
        lr_lambda: f; or a list of functions, one per group.
    """

    def get_lr(self) -> list:
        if self._is_initial:
            return self._current_lrs()
        return [rate * f(self.last_epoch) for f, rate in zip(self.lr_lambdas, self._current_lrs())]


class StepLR(LRScheduler):
    r""":math:`\eta_t = \eta_0 \gamma^{\lfloor t / s \rfloor}`.

    Args:
        step_size: s, in epochs.
        gamma: γ.

    >>> import cnn_physics77 as torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     optimizer.step(); scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._current_lrs()
        return [rate * self.gamma for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    r""":math:`\eta_t = \eta_0 \gamma^n`, where n milestones have been reached.

    Args:
        milestones: epochs; one that is listed twice counts twice.
        gamma: γ.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self.last_epoch not in self.milestones:
            return self._current_lrs()
        return [rate * self.gamma ** self.milestones[self.last_epoch] for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        reached = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**reached for base in self.base_lrs]


class ConstantLR(LRScheduler):
    r""":math:`\eta_t = c \, \eta_0` before epoch T, and :math:`\eta_0` from then on.

    Args:
        factor: c, in [0, 1].
        total_iters: T, in epochs.
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(
                f"ConstantLR: Constant multiplicative factor expected to be between 0 and 1. Found {factor}"
            )
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self.last_epoch == 0:
            return [rate * self.factor for rate in self._current_lrs()]
        if self.last_epoch != self.total_iters:
            return self._current_lrs()
        return [rate * (1.0 / self.factor) for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        ended = self.last_epoch >= self.total_iters
        return [base * (self.factor + ended * (1 - self.factor)) for base in self.base_lrs]


class LinearLR(LRScheduler):
    r""":math:`\eta_t = \eta_0 (a + (b - a) \min(t, T) / T)`: a straight line, as for a warm-up.

    Args:
        start_factor: a, in (0, 1].
        end_factor: b, in [0, 1].
        total_iters: T, in epochs.

    >>> import cnn_physics77 as torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=4)
    >>> for _ in range(2):
    ...     optimizer.step(); scheduler.step()
    >>> scheduler.get_last_lr()
    [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "LinearLR: Starting multiplicative factor expected to be greater than 0 and less or equal "
                f"to 1. Found {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(
                f"LinearLR: Ending multiplicative factor expected to be between 0 and 1. Found {end_factor}"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self.last_epoch == 0:
            return [rate * self.start_factor for rate in self._current_lrs()]
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current_lrs()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [rate * (1.0 + rise / before) for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        rise = self.end_factor - self.start_factor
        reached = min(self.total_iters, self.last_epoch)
        return [base * (self.start_factor + rise * reached / self.total_iters) for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    r""":math:`\eta_t = \eta_0 \gamma^t`.

    Args:
        gamma: γ.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self._is_initial:
            return self._current_lrs()
        return [rate * self.gamma for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    r""":math:`\eta_t = \eta_0 (1 - \min(t, T) / T)^p`.

    Args:
        total_iters: T, in epochs.
        power: p.
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current_lrs()
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return [rate * (left / before) ** self.power for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        reached = min(self.total_iters, self.last_epoch)
        return [base * (1.0 - reached / self.total_iters) ** self.power for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    r""":math:`\eta_t = \eta_{min} + (\eta_0 - \eta_{min}) (1 + \cos(\pi t / T)) / 2`.

    Source: Loshchilov and Hutter 2017.

    Args:
        T_max: T, half a period, in epochs; after it the rate rises again.
        eta_min: the smallest rate.

    >>> import cnn_physics77 as torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step(); scheduler.step()
    >>> round(scheduler.get_last_lr()[0], 12)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        if self._is_initial:
            return self._current_lrs()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        low, step = self.eta_min, math.pi / self.T_max
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the ratio below would be 0/0
            return [
                rate + (base - low) * (1 - math.cos(step)) / 2
                for base, rate in zip(self.base_lrs, self._current_lrs())
            ]
        ratio = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / (
            1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        )
        return [ratio * (rate - low) + low for rate in self._current_lrs()]

    def _get_closed_form_lr(self) -> list:
        height = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]
