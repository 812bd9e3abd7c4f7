"""What may change between the calls of a captured step: models, optimizers, gradients, arguments."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn as nn
import cnn_physics77.nn.functional as F
from tests.compile.test_training import F64, OPTIMIZERS, data, ordinary, steps
from tests.compile.worlds import run_both


def changing(change, every: int = 5, number_of_steps: int = 15):
    """A script that calls ``change(world)`` after every so many steps."""

    def script(world):
        for number in range(number_of_steps):
            yield world.step(*data(number))
            if number % every == every - 1:
                change(world)

    return script


def load_model(world):
    state = world.model.state_dict()
    world.model.load_state_dict({k: v * 0.5 if v.dtype == F64 else v for k, v in state.items()})


def load_optimizer(world):
    world.optimizer.load_state_dict(world.optimizer.state_dict())


def new_data(world):
    for p in world.model.parameters():
        p.data = p.data * 0.9


def new_values(world):
    with torch.no_grad():
        for p in world.model.parameters():
            p.mul_(0.9)
    world.model[0].weight.array[0, 0] = 0.5


def freeze(world):
    world.model[0].weight.requires_grad_(not world.model[0].weight.requires_grad)


def forget_gradients(world):
    for p in world.model.parameters():
        p.grad = None


def give_gradients(world):
    for p in world.model.parameters():
        p.grad = torch.ones_like(p)


def seed(world):
    torch.manual_seed(7)


def another_group(world):
    if len(world.optimizer.param_groups) == 1:
        world.extra = nn.Parameter(torch.ones(2, dtype=F64))
        world.optimizer.add_param_group({"params": [world.extra], "lr": 0.5})


CHANGES = [load_model, load_optimizer, new_data, new_values, freeze, forget_gradients, give_gradients, seed,
           another_group]  # fmt: skip


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_between_steps(change, optimizer, replays):
    run_both(functools.partial(ordinary, optimizer=OPTIMIZERS[optimizer]), changing(change))
    assert replays.count >= 3


def test_parameters_are_replaced(replays):
    def script(world):
        for number in range(12):
            if number == 6:
                world.model[4] = nn.Linear(8, 3).to(F64)
                world.optimizer = torch.optim.SGD(world.model.parameters(), lr=0.2)
            yield world.step(*data(number))

    run_both(ordinary, script)
    assert replays.count >= 5


# ------------------------------------------------------------------------------------------------ arguments


def inputs_as(convert):
    def script(world):
        for number in range(7):
            x, target = data(number)
            yield world.step(convert(x), target)

    return script


def read_only(x):
    x.array.flags.writeable = False
    return x


ARGUMENTS = {
    "transposed": lambda x: torch.from_numpy(np.ascontiguousarray(x.array.T)).t(),
    "a view with gaps": lambda x: torch.cat([x, x], 1)[:, ::2],
    "reversed": lambda x: torch.from_numpy(x.array[::-1]),
    "expanded": lambda x: x[:1].expand(6, 5),
    "read-only": read_only,
    "of another dtype": lambda x: x.float(),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument(name, replays):
    def build(world):
        ordinary(world)
        step = world.step
        world.step = lambda x, target: step(x.double() * 2, target)

    run_both(build, inputs_as(ARGUMENTS[name]), fullgraph=True)
    assert replays.count == 4


def test_the_same_tensor_twice(replays):
    def build(world):
        world.step = lambda a, b, scale: (a * b + scale, a)

    def script(world):
        for number in range(12):
            a, b = data(2 * number)[0], data(2 * number + 1)[0]
            if number % 3:
                yield world.step(a, b, 2.0)
            else:
                y, returned = world.step(a, a, 2.0)
                assert returned is a
                yield y

    run_both(build, script, fullgraph=True)
    assert replays.count == 6


def test_an_argument_that_is_changed(replays):
    """As in PyTorch, a change in place of an argument is seen by the caller."""

    def build(world):
        world.step = lambda x, y: x.add_(y).mul_(2) if x.shape[0] else None

    def script(world):
        x = torch.zeros(6, 5, dtype=F64)
        for number in range(6):
            before = x._version
            result = world.step(x, data(number)[0])
            assert result is x and x._version > before
            yield x

    run_both(build, script, fullgraph=True)
    assert replays.count == 3


def test_arguments_by_name_and_in_containers(replays):
    def build(world):
        def step(pair, *, options, mode="sum", index=slice(None)):
            a, (b, c) = pair
            y = (a * options["scale"] + b)[index] @ c
            return {"y": y, mode: getattr(y, mode)(), "number": 3, "none": None}

        world.step = step

    def script(world):
        for number in range(14):
            x = data(number)[0]
            mode = "mean" if number % 2 else "sum"
            result = world.step(
                [x, (x + 1, x.t())], options={"scale": x[0, 0]}, mode=mode, index=slice(1, None)
            )
            assert list(result) == ["y", mode, "number", "none"]
            assert result["number"] == 3 and result["none"] is None
            yield result

    run_both(build, script, fullgraph=True)
    assert replays.count == 8


def test_closure_over_tensors_that_change(replays):
    """A tensor that the function refers to is read as it is at each call."""

    def build(world):
        world.table = torch.ones(5, dtype=F64)
        world.count = torch.zeros((), dtype=torch.int64)

        def step(x):
            world.count += 1
            return x * world.table, world.count + 0

        world.step = step

    def script(world):
        for number in range(10):
            yield world.step(data(number)[0])
            if number == 5:
                world.table = torch.full((5,), 3.0, dtype=F64)
            world.table.array[number % 5] += 1

    run_both(build, script)
    assert replays.count >= 4


# ------------------------------------------------------------------------------------------- random numbers


def drawn(x):
    g = torch.rand(3, 2), torch.randn(4), torch.randint(0, 10, (5,)), torch.randn(2, dtype=torch.complex128)
    probabilities = torch.rand(6)
    return (
        *g,
        torch.rand(2, 2, dtype=torch.float16),
        torch.randn_like(x),
        torch.rand_like(x),
        torch.randint_like(x, 3, 8),
        torch.bernoulli(probabilities),
        torch.poisson(probabilities * 5),
        torch.normal(0.0, 2.0, (3,)),
        torch.normal(x, 2.0),
        F.dropout(x, 0.5),
        F.dropout(x, 0.3),
        F.dropout2d(x.reshape(2, 3, 5, 1), 0.5),
        F.alpha_dropout(x, 0.4),
        torch.empty(4).uniform_(-1, 1),
        torch.empty(4).normal_(1, 2),
        torch.empty(4).bernoulli_(0.25),
        torch.empty(4).exponential_(2.0),
        torch.empty(4).random_(5),
        torch.randperm(7),
    )


def test_random_numbers(replays):
    """They are those of the function itself, with the same seed, and so is what follows them."""

    def build(world):
        world.step = drawn

    def script(world):
        for number in range(7):
            yield world.step(data(number)[0]), torch.rand(2)

    run_both(build, script, fullgraph=True)
    assert replays.count == 4


def test_generator_of_its_own(replays):
    def build(world):
        generator = torch.Generator().manual_seed(3)
        world.generator = generator
        world.step = lambda x: x + torch.randn(x.shape, generator=generator, dtype=F64)

    def script(world):
        for number in range(7):
            yield world.step(data(number)[0]), torch.rand(2, generator=world.generator)
            if number == 4:
                world.generator.manual_seed(9)

    run_both(build, script, fullgraph=True)
    assert replays.count == 4


# ------------------------------------------------------------------------------------------ random programs


def random_network(rng) -> nn.Module:
    layers: list[nn.Module] = []
    width = 5
    for _ in range(rng.integers(1, 5)):
        new = int(rng.integers(3, 9))
        layers.append(nn.Linear(width, new, bias=bool(rng.integers(2))))
        width = new
        kinds = [
            nn.ReLU(), nn.Tanh(), nn.GELU(), nn.Sigmoid(), nn.Dropout(0.25), nn.BatchNorm1d(width), nn.ELU(),
            nn.LayerNorm(width), nn.Softplus(), nn.SiLU(), nn.Identity(), nn.LeakyReLU(0.1), nn.Softmax(1),
        ]  # fmt: skip
        layers += [kinds[i] for i in rng.permutation(len(kinds))[: rng.integers(0, 4)]]
    return nn.Sequential(*layers, nn.Linear(width, 3)).to(F64)


@pytest.mark.parametrize("number", range(10))
def test_random_training(number, replays):
    """Random networks, optimizers and events."""

    def build(world):
        rng = np.random.default_rng(number)
        optimizer = OPTIMIZERS[list(OPTIMIZERS)[number % len(OPTIMIZERS)]]
        ordinary(world, optimizer, lambda: random_network(rng))

    def script(world):
        rng = np.random.default_rng(number)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(world.optimizer, 10)
        events = [
            lambda: world.model.train(not world.model.training),
            scheduler.step,
            lambda: new_values(world),
            lambda: load_model(world),
            lambda: freeze(world),
            lambda: forget_gradients(world),
        ]
        for step in range(16):
            yield world.step(*data(100 * number + step, batch=6 if rng.random() < 0.8 else 4))
            if rng.random() < 0.25:
                events[rng.integers(len(events))]()

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "compile: step was captured 8 times")
        run_both(build, script)


def test_no_step_at_all():
    """A script without a call compares the worlds too."""
    run_both(ordinary, functools.partial(steps, numbers=()))
