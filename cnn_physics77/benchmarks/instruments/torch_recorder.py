"""PyTorch's own profiler: its events in a training step, matched with those of our recorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .recorder import Event

COUNTERPARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "convolution": (("aten::conv2d",), ("ConvolutionBackward0",)),
    "linear": (("aten::linear",), ("AddmmBackward0",)),
    "relu": (("aten::relu",), ("ReluBackward0",)),
    "max_pool": (("aten::max_pool2d",), ("MaxPool2DWithIndicesBackward0",)),
    "batch_norm": (("aten::batch_norm",), ("NativeBatchNormBackward0",)),
    "cross_entropy": (("aten::cross_entropy_loss",), ("NllLossBackward0", "LogSoftmaxBackward0")),
    "add": (("aten::add",), ("AddBackward0",)),
    "pad": (("aten::pad",), ("ConstantPadNdBackward0",)),
}
"""Our operations and PyTorch's names for them: of the forward call, and of the nodes of the backward pass."""

_EVALUATE = "autograd::engine::evaluate_function: "


def their_events(step: Callable[[], Any], steps: int) -> list[list[tuple[str, float]]]:
    """The outermost events of PyTorch's own profiler in each of `steps` steps: name and seconds, in order of
    time."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as torch_profile

    found = []
    for _ in range(steps):
        with torch_profile(activities=[ProfilerActivity.CPU]) as recorded:
            step()
        outermost = [event for event in recorded.events() if event.cpu_parent is None]
        outermost.sort(key=lambda event: event.time_range.start)
        found.append([(event.name, 1e-6 * event.time_range.elapsed_us()) for event in outermost])
    return found


def place_beside(calls: Sequence[Event], theirs: Sequence[Sequence[tuple[str, float]]]) -> dict[int, float]:
    """PyTorch's median seconds for each of our calls that has a counterpart, by the call's number.

    The i-th call of an operation in a phase corresponds to the i-th call of its counterpart, since both
    frameworks run the same network. Where the numbers of calls differ, none is matched.
    """
    found: dict[int, float] = {}
    for name, (forward, backward) in COUNTERPARTS.items():
        for phase, names in (
            ("forward", forward),
            ("backward", tuple(_EVALUATE + node for node in backward)),
        ):
            ours = [number for number, call in enumerate(calls) if (call.name, call.phase) == (name, phase)]
            columns = []
            for part in names:
                samples = [[seconds for event, seconds in events if event == part] for events in theirs]
                if any(len(sample) != len(ours) for sample in samples):
                    break
                columns.append(np.median(samples, axis=0))
            else:
                if ours:
                    found |= dict(zip(ours, np.sum(columns, axis=0).tolist(), strict=True))
    for number, call in enumerate(calls):
        if call.phase == "update":
            steps = [
                sum(s for event, s in events if event.startswith("Optimizer.step#")) for events in theirs
            ]
            found[number] = float(np.median(steps))
    return found
