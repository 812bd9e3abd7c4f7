"""Training in a captured step gives the numbers of the step itself: parameters, gradients, buffers, the
optimizer's state, results and random numbers, bit for bit, whatever happens between the steps."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn as nn
import cnn_physics77.nn.functional as F
from tests.compile.worlds import run_both

F64 = torch.float64


def data(number: int, batch: int = 6, features: int = 5, classes: int = 3):
    """A batch that is new at each step."""
    rng = np.random.default_rng(number)
    x = torch.from_numpy(rng.normal(size=(batch, features)))
    return x, torch.from_numpy(rng.integers(0, classes, batch))


def perceptron():
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)).to(
        F64
    )


def ordinary(world, optimizer=None, model=perceptron) -> None:
    """A model, an optimizer and the usual step."""
    world.model = model()
    make = optimizer or functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)
    world.optimizer = make(world.model.parameters())

    def step(x, target):
        world.optimizer.zero_grad()
        loss = F.cross_entropy(world.model(x), target)
        loss.backward()
        world.optimizer.step()
        return loss

    world.step = step


def steps(world, numbers=range(8)):
    for number in numbers:
        yield world.step(*data(number))


OPTIMIZERS = {
    "sgd": functools.partial(torch.optim.SGD, lr=0.1),
    "momentum": functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, maximize=True),
    "adam": functools.partial(torch.optim.Adam, lr=0.01),
    "adam, all options": functools.partial(
        torch.optim.Adam, lr=0.01, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1, amsgrad=True, maximize=True
    ),
    "adamw": functools.partial(torch.optim.AdamW, lr=0.01, amsgrad=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name, replays):
    run_both(functools.partial(ordinary, optimizer=OPTIMIZERS[name]), steps, fullgraph=True)
    assert replays.count == 5


def test_large_parameters(replays):
    def model():
        return nn.Sequential(nn.Linear(5, 4096), nn.Tanh(), nn.Linear(4096, 3)).to(F64)

    run_both(functools.partial(ordinary, optimizer=OPTIMIZERS["adam"], model=model), steps)
    assert replays.count >= 4


class TwoInputs(nn.Module):
    """Layers of all kinds, shared weights, a tensor that is made inside."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(3, 6)
        self.conv = nn.Conv1d(1, 6, 3, padding=1)
        self.norm = nn.GroupNorm(2, 6)
        self.attention = nn.Linear(6, 6)
        self.last = nn.Linear(6, 3, bias=False)
        self.last.weight = self.table.weight

    def forward(self, x, index):
        x = F.max_pool1d(F.gelu(self.norm(self.conv(x[:, None]))), 2)
        x = x.transpose(1, 2)
        q = self.attention(x)
        mask = torch.zeros(x.shape[1], x.shape[1], dtype=x.dtype)
        mask[0, 1:] = -1e9
        x = torch.softmax(q @ x.transpose(1, 2) / 6**0.5 + mask, dim=-1) @ x
        return self.last(F.layer_norm(x.mean(1) + self.table(index), (6,)))


def test_shared_weights_and_attention(replays):
    def build(world):
        ordinary(world, OPTIMIZERS["adamw"], lambda: TwoInputs().to(F64))

        def step(batch):
            world.optimizer.zero_grad(set_to_none=False)
            loss = F.cross_entropy(world.model(batch["x"], batch["y"]), batch["y"], label_smoothing=0.1)
            loss.backward()
            world.optimizer.step()
            return {"loss": loss, "many": [loss * 2, (batch["x"] + 1,)]}

        world.step = step

    def script(world):
        for number in range(8):
            x, y = data(number)
            yield world.step({"x": x, "y": y})

    run_both(build, script, fullgraph=True)
    assert replays.count == 5


def test_train_and_eval(replays):
    def script(world):
        for number in range(14):
            world.model.train(number not in (5, 6, 10))
            yield world.step(*data(number))

    run_both(ordinary, script)
    assert replays.count >= 6


def test_evaluation(replays):
    def build(world):
        ordinary(world)
        world.step = torch.no_grad()(lambda x: world.model(x).argmax(1))

    def script(world):
        world.model.eval()
        for number in range(6):
            world.model[0].weight.array += 0.01
            yield world.step(data(number)[0])

    run_both(build, script, fullgraph=True)
    assert replays.count == 3


def test_last_short_batch(replays):
    def script(world):
        for number in range(16):
            yield world.step(*data(number, batch=4 if number % 4 == 3 else 6))

    run_both(ordinary, script)
    assert replays.count >= 8


def test_schedulers_and_settings(replays):
    """A new learning rate needs no new capture; other settings do."""

    def script(world):
        scheduler = torch.optim.lr_scheduler.ExponentialLR(world.optimizer, 0.8)
        for number in range(18):
            if number == 6:
                world.optimizer.param_groups[0]["weight_decay"] = 0.1
            if number == 10:
                world.optimizer.param_groups[0]["momentum"] = 0.5
            yield world.step(*data(number))
            scheduler.step()

    run_both(ordinary, script)
    assert replays.count >= 9


def test_clipping(replays):
    def build(world):
        ordinary(world, OPTIMIZERS["momentum"])

        def step(x, target):
            world.optimizer.zero_grad()
            loss = F.cross_entropy(world.model(x), target)
            loss.backward()
            nn.utils.clip_grad_value_(world.model.parameters(), 0.2)
            norm = nn.utils.clip_grad_norm_(world.model.parameters(), 0.5)
            world.optimizer.step()
            return loss, norm

        world.step = step

    run_both(build, functools.partial(steps, numbers=range(20)), fullgraph=True)
    assert replays.count >= 8


def test_gradients_of_several_steps(replays):
    """Each step adds to the gradients of those before."""

    def build(world):
        ordinary(world)

        def step(x, target):
            loss = F.cross_entropy(world.model(x), target)
            loss.backward()
            (world.model(x) * 0.1).sum().backward()
            return loss

        world.step = step

    def script(world):
        for number in range(18):
            yield world.step(*data(number))
            if number % 3 == 2:
                world.optimizer.step()
                for p in world.model.parameters():
                    p.grad.zero_()

    run_both(build, script, fullgraph=True)
    assert replays.count == 15


def test_two_optimizers(replays):
    """As for a generative adversarial network."""

    def build(world):
        world.generator = nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Linear(6, 5)).to(F64)
        world.judge = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 1)).to(F64)
        world.of_generator = torch.optim.Adam(world.generator.parameters(), lr=0.01, betas=(0.5, 0.9))
        world.of_judge = torch.optim.SGD(world.judge.parameters(), lr=0.1)

        def step(real):
            noise = torch.randn(len(real), 4, dtype=F64)
            fake = world.generator(noise)
            world.of_judge.zero_grad()
            right = F.softplus(-world.judge(real)).mean() + F.softplus(world.judge(fake.detach())).mean()
            right.backward()
            world.of_judge.step()
            world.of_generator.zero_grad()
            wrong = F.softplus(-world.judge(fake)).mean()
            wrong.backward()
            world.of_generator.step()
            return right, wrong

        world.step = step

    def script(world):
        for number in range(9):
            yield world.step(data(number)[0])

    run_both(build, script, fullgraph=True)
    assert replays.count >= 4


def test_second_derivatives(replays):
    """A network that is fitted to a differential equation, as for physics-informed ones."""

    def build(world):
        world.model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).to(F64)
        world.optimizer = torch.optim.Adam(world.model.parameters(), lr=0.01)

        def step(t):
            world.optimizer.zero_grad()
            t = t.clone().requires_grad_(True)
            u = world.model(t)
            (first,) = torch.autograd.grad(u.sum(), t, create_graph=True)
            (second,) = torch.autograd.grad(first.sum(), t, create_graph=True)
            loss = ((second + u) ** 2).mean() + (world.model(torch.zeros(1, 1, dtype=F64)) - 1).square().sum()
            loss.backward()
            world.optimizer.step()
            return loss

        world.step = step

    def script(world):
        for number in range(8):
            yield world.step(data(number, 7, 1)[0])

    run_both(build, script, fullgraph=True)
    assert replays.count >= 4
