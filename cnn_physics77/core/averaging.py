"""Averages of a model's parameters over the steps of its training.

The mean of the parameters along the last part of a training is often better than its last point (Polyak and
Juditsky 1992; stochastic weight averaging: Izmailov et al. 2018), and so is an exponential moving average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.normalization import _BatchNorm
from cnn_physics77.core.recording import no_grad
from cnn_physics77.core.tensor import Tensor, from_array


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    r"""The function (average, current, n) of an exponential moving average.

    .. math:: \bar w \leftarrow d \, \bar w + (1 - d) \, w

    Args:
        decay: d.

    Raises:
        ValueError: the decay is not between 0 and 1.

    >>> import cnn_physics77 as torch
    >>> get_ema_avg_fn(0.75)(torch.tensor(1.0), torch.tensor(3.0), 5)
    tensor(1.5000)
    """
    _check_decay("get_ema_avg_fn", decay)

    @no_grad()
    def average(averaged: Tensor, current: Tensor, _: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return average


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    r"""The function (average, current, n) of the mean of n + 1 models.

    .. math:: \bar w \leftarrow \bar w + (w - \bar w) / (n + 1)

    >>> import cnn_physics77 as torch
    >>> get_swa_avg_fn()(torch.tensor(1.0), torch.tensor(5.0), 3)
    tensor(2.)
    """

    @no_grad()
    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return averaged + (current - averaged) / (count + 1)

    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """As :func:`get_ema_avg_fn`, in place and of lists of tensors."""
    _check_decay("get_ema_multi_avg_fn", decay)
    return _of_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """As :func:`get_swa_avg_fn`, in place and of lists of tensors."""
    return _of_lists(get_swa_avg_fn())


def _of_lists(average: Callable[[Tensor, Tensor, Any], Tensor]) -> Callable[..., None]:
    @no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Any) -> None:
        for a, b in zip(averaged, current, strict=True):
            a.copy_(average(a, b, count))

    return update


def _check_decay(function: str, decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(
            f"{function}: Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


class AveragedModel(Module):
    """A copy of a model whose parameters are averages over the calls of ``update_parameters``.

    Args:
        model: the model, which is copied.
        device: "cpu" or None.
        avg_fn: (average, current, number of models so far) -> new average, of one parameter; the mean of all
            models by default.
        multi_avg_fn: the same in place, of lists of all parameters of one dtype.
        use_buffers: average the buffers too; otherwise they are those of the last model.

    Attributes:
        module: the averaged model.
        n_averaged: how many models were averaged, a buffer.

    Raises:
        AssertionError: both functions are given.

    >>> import cnn_physics77 as torch
    >>> model = torch.nn.Linear(1, 1)
    >>> averaged = torch.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = torch.nn.init.constant_(model.weight, value)
    ...     averaged.update_parameters(model)
    >>> averaged.module.weight, averaged.n_averaged
    (Parameter containing:
    tensor([[3.]], requires_grad=True), tensor(3))
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError(
                "AveragedModel: Only one of avg_fn and multi_avg_fn should be provided, found both"
            )
        self.module = deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", from_array(np.zeros((), np.int64)))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args, **kwargs):
        """That of the averaged model."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Add a model to the average; the first one is copied."""
        pairs = list(zip(self._averaged_of(self.module), self._averaged_of(model), strict=True))
        if self.n_averaged == 0:
            for averaged, current in pairs:
                averaged.copy_(current)
        elif self.multi_avg_fn is not None:
            alike: dict[np.dtype, tuple[list[Tensor], list[Tensor]]] = {}
            for averaged, current in pairs:
                lists = alike.setdefault(averaged.array.dtype, ([], []))
                lists[0].append(averaged.detach())
                lists[1].append(current.detach())
            for lists in alike.values():
                self.multi_avg_fn(*lists, self.n_averaged)
        else:
            average = get_swa_avg_fn() if self.avg_fn is None else self.avg_fn
            for averaged, current in pairs:
                averaged.copy_(average(averaged.detach(), current.detach(), self.n_averaged))
        if not self.use_buffers:
            for ours, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                ours.copy_(theirs)
        self.n_averaged += 1

    def _averaged_of(self, model: Module) -> Iterable[Tensor]:
        return chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch normalizations anew, from one pass over the data.

    Those of an averaged model do not fit its parameters otherwise.

    Args:
        loader: batches; of a tuple or list the first element is the model's input.
        model: is called in training mode.
        device: "cpu" or None.
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    was_training = model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches
    model.train()
    for batch in loader:
        inputs = batch[0] if isinstance(batch, list | tuple) else batch
        model(inputs if device is None else inputs.to(device))
    for layer, momentum in zip(layers, momenta):
        layer.momentum = momentum
    model.train(was_training)


__all__ = [
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]
