"""Averages of models, and their schedule, against PyTorch's."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

AVERAGES = {
    "mean": lambda s: {},
    "mean of each": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "mean of all": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "moving": lambda s: {"avg_fn": s.get_ema_avg_fn(0.7)},
    "moving, of all": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.3)},
    "own": lambda s: {"avg_fn": lambda a, w, n: a + w * (n + 1)},
}


def network(framework):
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
    ).double()
    if framework is torch:
        return theirs
    nn = ours.nn
    mine = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    mine.load_state_dict({k: ours.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return mine


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("name", AVERAGES)
def test_averages(name, use_buffers):
    states = []
    for framework in (ours, torch):
        swa = framework.optim.swa_utils
        model = network(framework)
        if use_buffers and framework is torch and name == "mean of all":
            return  # PyTorch divides the integer buffer by addcdiv, which refuses integers
        averaged = swa.AveragedModel(model, use_buffers=use_buffers, **AVERAGES[name](swa))
        assert averaged.module is not model
        rng = np.random.default_rng(1)
        for _ in range(4):
            model(framework.from_numpy(rng.normal(size=(5, 3))))
            with framework.no_grad():
                for p in model.parameters():
                    p += framework.from_numpy(rng.normal(size=tuple(p.shape)))
            averaged.update_parameters(model)
        batches = [framework.from_numpy(rng.normal(size=(5, 3))) for _ in range(3)]
        states.append(averaged.state_dict())
        averaged.eval()
        swa.update_bn([(batches[0], None), [batches[1]], batches[2]], averaged, device="cpu")
        assert not averaged.training and averaged.module[1].momentum == 0.1
        states[-1] = {**states[-1], **{f"updated {k}": v for k, v in averaged.state_dict().items()}}
        states[-1]["y"] = averaged(batches[0]).detach()
    mine, theirs = states
    tolerance = 1e-6 if name == "mean of all" else 1e-12  # there PyTorch rounds 1 / (n + 1) to single
    assert list(mine) == list(theirs)
    for key, expected in theirs.items():
        assert str(mine[key].dtype) == str(expected.dtype)
        np.testing.assert_allclose(
            mine[key].numpy(), expected.numpy(), rtol=tolerance, atol=tolerance / 100, err_msg=key
        )


def test_nothing_to_update_and_errors():
    swa = ours.optim.swa_utils
    swa.update_bn([], ours.nn.Linear(2, 2))
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa.AveragedModel(ours.nn.Identity(), avg_fn=print, multi_avg_fn=print)
    for make in (swa.get_ema_avg_fn, swa.get_ema_multi_avg_fn):
        with pytest.raises(ValueError, match=r"Invalid decay value 1.5"):
            make(1.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"swa_lr": 0.05},
        {"swa_lr": [0.05, 0.5], "anneal_epochs": 4, "anneal_strategy": "linear"},
        {"swa_lr": 0.3, "anneal_epochs": 0},
        {"swa_lr": 0.3, "anneal_epochs": 1},
    ],
)
def test_rates(settings):
    rates = []
    for framework in (ours, torch):
        p, q = (framework.zeros(1, requires_grad=True) for _ in range(2))
        optimizer = framework.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.2}], lr=1.0)
        swa = framework.optim.swa_utils
        other = framework.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        scheduler = swa.SWALR(optimizer, **settings)
        found = []
        for step in range(14):
            optimizer.step()
            (other if step == 2 else scheduler).step()
            found.append([group[key] for group in optimizer.param_groups for key in ("lr", "swa_lr")])
            if step == 5:
                state = scheduler.state_dict()
                scheduler = swa.SWALR(optimizer, **settings)
                scheduler.load_state_dict(state)
                for group, (lr, _) in zip(optimizer.param_groups, np.reshape(found[-1], (2, 2)).tolist()):
                    group["lr"] = lr
        rates.append(found)
    np.testing.assert_allclose(*rates, rtol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{"swa_lr": [1, 2]}, {"anneal_strategy": "square"}, {"anneal_epochs": -1}, {"anneal_epochs": 1.5}],
)
def test_errors_are_pytorchs(settings):
    for framework in (ours, torch):
        optimizer = framework.optim.SGD([framework.zeros(1, requires_grad=True)], lr=1.0)
        with pytest.raises(ValueError):
            framework.optim.swa_utils.SWALR(optimizer, **{"swa_lr": 0.1, **settings})
