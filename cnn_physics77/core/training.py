"""The training loop. It depends on no framework: it runs any model and optimizer with PyTorch's interface.

A comparison of two frameworks is fair only if the same code drives both. This is that code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, NamedTuple


class PassTimes(NamedTuple):
    """Wall times of one pass over the data, in seconds."""

    total: float
    """The whole pass: fetching the batches, and all steps."""
    steps: list[float]
    """Each step: forward, backward, update."""


def training_step(
    model: Callable[[Any], Any], criterion: Callable[[Any, Any], Any], optimizer: Any
) -> Callable[[Any, Any], Any]:
    """One step of gradient descent as a function of a batch.

    The function clears the gradients, computes ``loss = criterion(model(inputs), targets)`` and its
    gradients, and updates the parameters. It returns the loss before the update. The gradients remain until
    the next step.

    Args:
        model: maps inputs to outputs.
        criterion: maps (outputs, targets) to a loss with ``backward()``.
        optimizer: has ``zero_grad()`` and ``step()``.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77 import nn, optim
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.constant_(layer.weight, 3.0)
    >>> step = training_step(layer, nn.MSELoss(), optim.SGD(layer.parameters(), lr=0.25))
    >>> step(torch.tensor([[1.0]]), torch.tensor([[1.0]])).item(), layer.weight.item()
    (4.0, 2.0)
    """

    def step(inputs: Any, targets: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss

    return step


def train_epoch(
    step: Callable[[Any, Any], Any],
    batches: Iterable[tuple[Any, Any]],
    on_step: Callable[[int, Any], None] | None = None,
) -> PassTimes:
    """Run `step` on every batch in order, and measure the times.

    Args:
        step: a function of a batch's inputs and targets, such as `training_step` returns.
        batches: pairs of inputs and targets.
        on_step: called after each step with its number, from 0, and its result. Its time is part of `total`
            and not of `steps`; omit it if the times matter.
    Returns:
        The times; the results of the steps are not kept.

    >>> times = train_epoch(lambda x, y: x * y, [(1, 2), (3, 4)], lambda number, loss: print(number, loss))
    0 2
    1 12
    >>> len(times.steps), times.total >= sum(times.steps)
    (2, True)
    """
    clock = perf_counter
    seconds: list[float] = []
    start = clock()
    for number, (inputs, targets) in enumerate(batches):
        before = clock()
        loss = step(inputs, targets)
        seconds.append(clock() - before)
        if on_step is not None:
            on_step(number, loss)
        del loss  # otherwise its graph would live through the next step
    return PassTimes(clock() - start, seconds)
