"""Every scheduler against PyTorch's: the rates (and momenta) of sixty steps, in two groups, and the state
half-way."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

STEPS = 60


class Halving:
    """A function with a state."""

    def __init__(self):
        self.factor = 0.5

    def __call__(self, epoch):
        return self.factor ** (epoch // 10)


SCHEDULERS = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda t: 1 / (1 + t)),
    "lambda per group": lambda s, o: s.LambdaLR(o, [lambda t: 0.9**t, Halving()]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda t: 0.95),
    "step": lambda s, o: s.StepLR(o, 7, gamma=0.3),
    "multi-step": lambda s, o: s.MultiStepLR(o, [3, 10, 10, 40], gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.2, total_iters=9),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.7, total_iters=13),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.97),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=20, power=2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=17, eta_min=1e-4),
    "warm restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2, eta_min=1e-3),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=[0.5, 1.0], total_steps=STEPS),
    "one cycle, linear, three phases": lambda s, o: s.OneCycleLR(
        o,
        max_lr=0.5,
        epochs=6,
        steps_per_epoch=10,
        anneal_strategy="linear",
        three_phase=True,
        pct_start=0.25,
    ),
    "one cycle, no momentum": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False),
    "triangles": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=8, step_size_down=5),
    "smaller triangles": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.1, step_size_up=8, mode="triangular2"),
    "exponential range": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=4, mode="exp_range", gamma=0.99),
    "scaled triangles": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=4, scale_fn=lambda c: 1 / c),
    "sequence": lambda s, o: s.SequentialLR(
        o,
        [
            s.LinearLR(o, 0.1, total_iters=5),
            s.CosineAnnealingLR(o, 20),
            s.StepLR(o, 3),
            s.ExponentialLR(o, 0.9),
        ],
        milestones=[5, 25, 40],
    ),
    "chain": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9), s.StepLR(o, 9)]
    ),
}


def optimizer_of(framework, kind="SGD"):
    one, two = (framework.ones(2, requires_grad=True) for _ in range(2))
    settings = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(framework.optim, kind)(
        [{"params": [one]}, {"params": [two], "lr": 0.02}], lr=0.05, **settings
    )


def groups(optimizer):
    """All numbers of all groups that a scheduler may touch."""
    keys = ("lr", "initial_lr", "momentum", "betas", "max_lr", "min_lr")
    return [[np.asarray(g[k], dtype=float).tolist() for k in keys if k in g] for g in optimizer.param_groups]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_rates_are_pytorchs(name, kind):
    mine, theirs = optimizer_of(ours, kind), optimizer_of(torch, kind)
    make = SCHEDULERS[name]
    scheduler, reference = make(ours.optim.lr_scheduler, mine), make(torch.optim.lr_scheduler, theirs)
    assert groups(mine) == groups(theirs)
    for step in range(STEPS):
        mine.step()
        theirs.step()
        scheduler.step()
        reference.step()
        found, wanted = groups(mine), groups(theirs)
        for a, b in zip(found, wanted):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-13, atol=1e-300, err_msg=f"step {step}")
        np.testing.assert_allclose(scheduler.get_last_lr(), reference.get_last_lr(), rtol=1e-13)
        if hasattr(reference, "last_epoch"):
            assert scheduler.last_epoch == reference.last_epoch


@pytest.mark.parametrize("name", [*SCHEDULERS, "plateau"])
def test_a_rate_that_is_a_tensor_stays_the_same_tensor(name):
    rates = []
    for t in (ours, torch):
        rate = t.tensor(0.05, dtype=t.float64)
        one, two = (t.ones(2, requires_grad=True) for _ in range(2))
        optimizer = t.optim.SGD([{"params": [one]}, {"params": [two], "lr": 0.02}], lr=rate, momentum=0.9)
        make = SCHEDULERS.get(name, lambda s, o: s.ReduceLROnPlateau(o, patience=0))
        scheduler = make(t.optim.lr_scheduler, optimizer)
        found = [float(rate)]
        for _ in range(6):
            optimizer.step()
            scheduler.step(*[1.0] if name == "plateau" else [])
            found.append(float(rate))
        assert optimizer.param_groups[0]["lr"] is rate
        rates.append(found)
    np.testing.assert_allclose(*rates, rtol=1e-12)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_state_continues_the_schedule(name):
    make = SCHEDULERS[name]
    optimizer = optimizer_of(ours)
    scheduler = make(ours.optim.lr_scheduler, optimizer)
    for _ in range(23):
        optimizer.step()
        scheduler.step()
    state, optimizer_state = scheduler.state_dict(), optimizer.state_dict()
    again = optimizer_of(ours)
    resumed = make(ours.optim.lr_scheduler, again)
    resumed.load_state_dict(state)
    again.load_state_dict(optimizer_state)
    for _ in range(20):
        optimizer.step()
        scheduler.step()
        again.step()
        resumed.step()
        assert groups(again) == groups(optimizer)
        assert resumed.get_last_lr() == scheduler.get_last_lr()


def test_resuming_by_last_epoch():
    for framework in (ours, torch):
        optimizer = optimizer_of(framework)
        with pytest.raises(KeyError, match="initial_lr"):
            framework.optim.lr_scheduler.StepLR(optimizer, 2, last_epoch=3)
        for group in optimizer.param_groups:
            group["initial_lr"] = 1.0
        scheduler = framework.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10, last_epoch=4)
        assert scheduler.last_epoch == 5
        assert scheduler.base_lrs == [1.0, 1.0]


METRICS = [3, 2, 2, 2, 2, 1, 1.5, 1.5, 1.5, 1.5, 1.5, 0.9, 0.95, 0.95, 0.95, float("nan"), 0.95, 0.95, 0.95]


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 1, "cooldown": 2, "factor": 0.5},
        {"patience": 0, "mode": "max", "min_lr": [1e-3, 2e-3]},
        {"patience": 1, "threshold": 0.6, "threshold_mode": "abs"},
        {"patience": 1, "threshold": 0.6, "threshold_mode": "abs", "mode": "max", "eps": 1e-2},
        {"patience": 2, "threshold": 0.5, "min_lr": 0.01},
    ],
)
def test_plateau(settings):
    mine, theirs = optimizer_of(ours), optimizer_of(torch)
    scheduler = ours.optim.lr_scheduler.ReduceLROnPlateau(mine, **settings)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    for i, metric in enumerate(METRICS):
        scheduler.step(ours.tensor(metric))
        reference.step(metric)
        assert groups(mine) == groups(theirs)
        assert scheduler.get_last_lr() == reference.get_last_lr()
        assert (scheduler.num_bad_epochs, scheduler.in_cooldown) == (
            reference.num_bad_epochs,
            reference.in_cooldown,
        )
        if i == 8:
            state = scheduler.state_dict()
            scheduler = ours.optim.lr_scheduler.ReduceLROnPlateau(mine, **settings)
            scheduler.load_state_dict(state)
    assert any(a != b for a, b in zip(groups(mine), groups(optimizer_of(ours))))


BAD = [
    lambda s, o: s.StepLR(3, 1),
    lambda s, o: s.LambdaLR(o, [lambda t: 1]),
    lambda s, o: s.MultiplicativeLR(o, 3),
    lambda s, o: s.ConstantLR(o, factor=2),
    lambda s, o: s.LinearLR(o, start_factor=0),
    lambda s, o: s.LinearLR(o, end_factor=2),
    lambda s, o: s.OneCycleLR(o, 0.1),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=0),
    lambda s, o: s.OneCycleLR(o, 0.1, epochs=-1, steps_per_epoch=2),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, pct_start=2.0),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, anneal_strategy="square"),
    lambda s, o: s.OneCycleLR(o, [0.1] * 3, total_steps=5),
    lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=0),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1),
    lambda s, o: s.SequentialLR(o, [], []),
    lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]),
    lambda s, o: s.SequentialLR(o, [3], []),
    lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    lambda s, o: s.ChainedScheduler([]),
    lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    lambda s, o: s.ReduceLROnPlateau(o, mode="middle"),
    lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="middle"),
    lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1, 2, 3]),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_errors_are_pytorchs(number):
    caught = []
    for framework in (ours, torch):
        with pytest.raises((TypeError, ValueError)) as error:
            BAD[number](framework.optim.lr_scheduler, optimizer_of(framework))
        caught.append(error.type)
    assert caught[0] is caught[1]


def test_schedulers_of_different_optimizers_do_not_mix():
    s = ours.optim.lr_scheduler
    one, two = optimizer_of(ours), optimizer_of(ours)
    with pytest.raises(ValueError, match="same optimizer"):
        s.SequentialLR(one, [s.StepLR(one, 1), s.StepLR(two, 1)], [3])
    with pytest.raises(ValueError, match="same optimizer"):
        s.ChainedScheduler([s.StepLR(one, 1), s.StepLR(two, 1)])


def test_warnings_of_wrong_order_and_given_epochs():
    for framework in (ours, torch):
        scheduler = framework.optim.lr_scheduler.StepLR(optimizer_of(framework), 2)
        with pytest.warns(UserWarning, match="before `optimizer.step"):
            scheduler.step()
        optimizer = optimizer_of(framework)
        scheduler = framework.optim.lr_scheduler.StepLR(optimizer, 2)
        optimizer.step()
        with pytest.warns(UserWarning, match="deprecated"):
            scheduler.step(5)
        assert scheduler.get_last_lr() == [0.05 * 0.1**2, 0.02 * 0.1**2]


def test_fractions_of_an_epoch():
    mine, theirs = optimizer_of(ours), optimizer_of(torch)
    scheduler = ours.optim.lr_scheduler.CosineAnnealingWarmRestarts(mine, 3, 2)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, 3, 2)
    for epoch in (0.5, 2.9, 3.0, 4.25, 8.75, 20.5):
        scheduler.step(epoch)
        reference.step(epoch)
        np.testing.assert_allclose(scheduler.get_last_lr(), reference.get_last_lr(), rtol=1e-13)


def test_a_cycle_ends():
    optimizer = optimizer_of(ours)
    scheduler = ours.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2)
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        for _ in range(4):
            optimizer.step()
            scheduler.step()
