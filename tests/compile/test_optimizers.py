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


CHANGED = [
    ("SGD", "momentum"), ("SGD", "weight_decay"), ("SGD", "maximize"), ("Adam", "betas"), ("AdamW", "eps"),
    ("AdamW", "weight_decay"), ("RMSprop", "momentum"), ("RMSprop", "alpha"), ("NAdam", "betas"),
    ("Adamax", "betas"), ("Adadelta", "rho"),
]  # fmt: skip


@pytest.mark.parametrize("kind, setting", CHANGED)
def test_a_setting_that_changes_at_each_step(kind, setting, replays):
    """It is read anew before each replay, where the optimizer computes with it by NumPy alone."""
    found = []
    for captured in (False, True):
        w, b = (torch.from_numpy(np.random.default_rng(n).normal(size=(n, 4))) for n in (3, 1))
        optimizer = getattr(torch.optim, kind)([w.requires_grad_(), b.requires_grad_()], lr=0.01)
        (group,) = optimizer.param_groups
        if setting == "momentum":
            group["momentum"] = 0.9

        def step(x, w=w, b=b, optimizer=optimizer):
            optimizer.zero_grad()
            ((x @ w + b) ** 2).mean().backward()
            optimizer.step()

        step = torch.compile(step) if captured else step
        for number in range(14):
            if number > 4:
                part = 1 - 1 / (number + 2)
                group[setting] = {"betas": (part, 0.999), "maximize": number < 9}.get(setting, 0.3 * part)
            if setting == "momentum" and number > 11:
                group[setting] = 0.0
            step(torch.from_numpy(np.random.default_rng(number).normal(size=(5, 3))))
        found.append((w, b))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other.detach().array, one.detach().array, rtol=1e-12)
    assert replays.count >= 5


@pytest.mark.parametrize("kind, settings", [("SGD", {"momentum": 0.8}), ("AdamW", {})])
def test_a_scheduler_of_the_momentum(kind, settings, replays):
    found = []
    for captured in (False, True):
        w = torch.ones(3, dtype=torch.float64).requires_grad_()
        optimizer = getattr(torch.optim, kind)([w], lr=0.1, **settings)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            ((x * w) ** 2).mean().backward()
            optimizer.step()

        step = torch.compile(step, fullgraph=True) if captured else step
        for number in range(20):
            step(torch.from_numpy(np.random.default_rng(number).normal(size=3)))
            scheduler.step()
        found.append(w.detach().array)
    np.testing.assert_allclose(*found, rtol=1e-12)
    assert replays.count == 16 and len(step.captures()) == 2
