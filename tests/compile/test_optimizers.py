"""Captured steps of all optimizers: numbers that change from step to step go on, or the step is refused."""

import numpy as np
import pytest

import cnn_physics77 as torch

REPLAYED = {
    "RMSprop": {"centered": True, "momentum": 0.5},
    "Adadelta": {},
    "Adagrad": {"lr_decay": 0.1},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {},
    "ASGD": {"t0": 2},
    "Rprop": {},
}
REFUSED = {"Adafactor": {}, "Muon": {}, "LBFGS": {"max_iter": 2}}


def train(kind, settings, captured):
    rng = np.random.default_rng(0)
    v, w = (torch.from_numpy(rng.normal(size=s)).requires_grad_() for s in ((3, 4), (4, 2)))
    x, y = (torch.from_numpy(rng.normal(size=s)) for s in ((8, 3), (8, 2)))
    optimizer = getattr(torch.optim, kind)([v, w], **settings)

    def closure():
        optimizer.zero_grad()
        loss = (((x @ v).tanh() @ w - y) ** 2).mean()
        loss.backward()
        return loss

    def step():
        return optimizer.step(closure).detach()

    step = torch.compile(step) if captured else step
    losses = []
    for number in range(10):
        if number == 7:
            optimizer.param_groups[0]["lr"] *= 0.5
        losses.append(step().item())
    return losses, v.tolist(), w.tolist(), step


@pytest.mark.parametrize("kind", REPLAYED)
def test_replays_are_equal_bit_for_bit(kind):
    *plain, _ = train(kind, REPLAYED[kind], False)
    *captured, step = train(kind, REPLAYED[kind], True)
    assert captured == plain and len(step.captures()) >= 1 and not step.problems()


@pytest.mark.parametrize("kind", REFUSED)
def test_steps_that_read_values_run_eagerly(kind):
    *plain, _ = train(kind, REFUSED[kind], False)
    with pytest.warns(RuntimeWarning, match="cannot be captured"):
        *captured, step = train(kind, REFUSED[kind], True)
    assert captured == plain and step.problems()
