"""Optimizers against PyTorch's in float64: the same parameters after the same gradients."""

import copy
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import CheckpointError, DtypeError
from cnn_physics77.core.optim.packed import SMALL

SETTINGS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "maximize": True}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.2, "maximize": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "alpha": 0.9, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1, "maximize": True, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.1, "centered": True, "weight_decay": 0.1}),
    ("Adadelta", {"lr": 1.0}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-4, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.1, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {"lr": 0.01}),
    ("Adamax", {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "momentum_decay": 0.01, "maximize": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.01}),
    ("RAdam", {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {"lr": 0.02}),
    ("ASGD", {"lr": 0.02, "lambd": 0.1, "alpha": 0.5, "t0": 3, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.01}),
    ("Rprop", {"lr": 0.01, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.5), "maximize": True}),
]
SOME = SETTINGS[:11] + list({kind: (kind, settings) for kind, settings in SETTINGS[11:]}.values())
"""All of the common kinds, one of each other kind."""
SHAPES = [(3, 4), (), (5,), (0, 3), (SMALL // 8, 8), (2, 3, 2)]


def run(framework, kind, settings, steps, dtype="float64", prepare=None):
    """The parameters after some steps with gradients that depend on them and on the step; some have none at
    times."""
    rng = np.random.default_rng(5)
    wrap = framework.from_numpy
    params = [wrap(rng.normal(size=s).astype(dtype)).requires_grad_() for s in SHAPES]
    weights = [wrap(rng.normal(size=s).astype(dtype)) for s in SHAPES]
    optimizer = getattr(framework.optim, kind)(
        [{"params": params[:2]}, {"params": params[2:], "lr": settings["lr"] / 2}], **settings
    )
    for step in range(steps):
        if prepare is not None:
            optimizer = prepare(framework, optimizer, params, step)
        optimizer.zero_grad()
        for i, (p, w) in enumerate(zip(params, weights)):
            if (step + i) % 4 or step % 5 == 0:  # now and then a parameter takes no part
                p.grad = (p * w).detach() * (1 + step % 3)
        optimizer.step()
    return params, optimizer


def assert_equal(mine, theirs, **tolerance):
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.numpy(force=True), q.detach().numpy(), **tolerance)


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_lockstep_in_float64(kind, settings):
    mine, _ = run(ours, kind, settings, 20)
    theirs, _ = run(torch, kind, settings, 20)
    assert_equal(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("kind", "settings"), SOME)
def test_float32(kind, settings):
    mine, optimizer = run(ours, kind, settings, 10, "float32")
    theirs, _ = run(torch, kind, settings, 10)
    assert_equal(mine, theirs, rtol=2e-4, atol=1e-5)
    assert all(p.dtype == np.float32 for p in mine)
    assert all(s.dtype == np.float32 for state in optimizer.state.values() for s in state.values())


@pytest.mark.parametrize(("kind", "settings"), SOME)
def test_state_dict_has_pytorchs_format_and_moves_between_the_two(kind, settings):
    _, my_optimizer = run(ours, kind, settings, 7)
    _, their_optimizer = run(torch, kind, settings, 7)
    my_state, their_state = my_optimizer.state_dict(), their_optimizer.state_dict()
    assert my_state["param_groups"] == their_state["param_groups"]
    assert list(my_state["state"]) == list(their_state["state"])
    for key, state in their_state["state"].items():
        assert list(my_state["state"][key]) == list(state)
        for name, value in state.items():
            np.testing.assert_allclose(
                my_state["state"][key][name].numpy(), value.numpy(), rtol=1e-9, atol=1e-14
            )

    # ours goes on from PyTorch's state as PyTorch goes on from its own
    def resume(framework, optimizer, params, step):
        if step == 0:
            optimizer.load_state_dict(their_state)
        return optimizer

    assert_equal(
        run(ours, kind, settings, 9, prepare=resume)[0],
        run(torch, kind, settings, 9, prepare=resume)[0],
        rtol=1e-9,
        atol=1e-14,
    )


@pytest.mark.parametrize(("kind", "settings"), SOME)
def test_state_may_be_loaded_copied_pickled_and_cleared_at_any_time(kind, settings):
    def interfere(framework, optimizer, params, step):
        if step == 3:
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        if step == 5:
            for state in optimizer.state.values():
                for name in state:
                    state[name] = state[name] * 1  # another tensor of the same values
        if step == 8:
            optimizer.state.clear()
        if step == 10:
            optimizer.param_groups[0]["lr"] *= 0.5
        return optimizer

    assert_equal(
        run(ours, kind, settings, 14, prepare=interfere)[0],
        run(torch, kind, settings, 14, prepare=interfere)[0],
        rtol=1e-9,
        atol=1e-14,
    )


@pytest.mark.parametrize("change", ["replace", "clear", "renew", "load"])
def test_changes_of_the_state_are_seen_by_the_next_step(change):
    """With the same gradients step after step, so that nothing else makes the optimizer look again."""
    results = []
    for framework in (ours, torch):
        params = [framework.ones(n, dtype=framework.float64, requires_grad=True) for n in (2, 3, SMALL)]
        optimizer = framework.optim.Adam(params, lr=0.1)
        for step in range(6):
            for p in params:
                p.grad = framework.full(p.shape, 1.0 + step, dtype=framework.float64)
            if step == 3 and change == "replace":
                for state in optimizer.state.values():
                    state["exp_avg"] = state["exp_avg"] * 3
            elif step == 3 and change == "clear":
                optimizer.state.clear()
            elif step == 3 and change == "renew":
                optimizer.state = type(optimizer.state)(dict)
            elif step == 3:
                state = copy.deepcopy(optimizer.state_dict())
                state["state"][1]["exp_avg_sq"] = state["state"][1]["exp_avg_sq"] * 2
                optimizer.load_state_dict(state)
            optimizer.step()
        assert str(optimizer.state[params[0]]["step"].dtype).endswith("float32")
        results.append([p.detach().numpy() for p in params])
    for found, wanted in zip(*results):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_pickled_and_deep_copied_optimizers_go_on():
    _, optimizer = run(ours, "Adam", {"lr": 0.01}, 4)
    for again in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        params = [p for group in again.param_groups for p in group["params"]]
        originals = [p for group in optimizer.param_groups for p in group["params"]]
        before = [p.numpy(force=True).copy() for p in originals]
        for p in params:
            p.grad = p.detach() * 1
        again.step()
        for p, q, old in zip(params, originals, before):
            assert p is not q
            np.testing.assert_array_equal(q.numpy(force=True), old)
            assert p.numel() == 0 or not np.array_equal(p.numpy(force=True), old)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_parameters_keep_their_memory_and_order(kind):
    """Views that the user holds follow; transposed and strided parameters are updated as they lie."""
    for size in (3, 200):
        base = ours.from_numpy(np.ones((2, size, size, 2)))
        transposed = ours.from_numpy(base.array[0, :, :, 0].T).requires_grad_()
        plain = ours.ones(size, size, dtype=ours.float64, requires_grad=True)
        optimizer = getattr(ours.optim, kind)([transposed, plain], lr=0.5)
        gradient = np.random.default_rng(0).normal(size=(size, size))
        transposed.grad, plain.grad = ours.from_numpy(gradient), ours.from_numpy(gradient)
        array, version = transposed.array, transposed._version
        optimizer.step()
        assert transposed.array is array
        assert transposed._version == version + 1
        np.testing.assert_allclose(base.array[0, :, :, 0].T, plain.array, rtol=1e-15)
        assert (base.array[0, :, :, 1] == 1).all()
        assert (base.array[1] == 1).all()


@pytest.mark.parametrize(("kind", "settings"), [s for s in SETTINGS if "amsgrad" not in s[1]])
def test_complex_parameters_are_pairs_of_real_ones(kind, settings):
    results = []
    for framework in (ours, torch):
        rng = np.random.default_rng(0)
        start = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
        p = framework.from_numpy(start.copy()).requires_grad_()
        optimizer = getattr(framework.optim, kind)([p], **settings)
        for _ in range(5):
            p.grad = framework.from_numpy(start * (2 - 1j))
            optimizer.step()
        results.append(p.detach().numpy())
    np.testing.assert_allclose(*results, rtol=1e-9)


def test_gradients_are_not_written():
    p, q = ours.ones(3, requires_grad=True), ours.ones(SMALL, requires_grad=True)
    p.grad, q.grad = ours.full((3,), 2.0), ours.full((SMALL,), 2.0)
    p.grad.array.flags.writeable = q.grad.array.flags.writeable = False
    for kind, settings in SETTINGS:
        getattr(ours.optim, kind)([p, q], **settings).step()
    assert (p.grad.array == 2).all()


def test_a_graph_that_needs_the_old_values_says_so():
    p = ours.ones(3, requires_grad=True)
    y = (p * p).sum()
    p.grad = ours.ones(3)
    ours.optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_converting_the_model_under_the_optimizer():
    for count in (1, 3):
        params = [ours.ones(2, requires_grad=True) for _ in range(count)]
        optimizer = ours.optim.Adam(params)
        for p in params:
            p.grad = ours.ones(2)
        optimizer.step()
        for p in params:
            p.data = p.data.double()
            p.grad = ours.ones(2, dtype=ours.float64)
        with pytest.raises((DtypeError, ValueError), match="float64"):
            optimizer.step()


def test_a_loaded_state_is_a_copy():
    _, optimizer = run(ours, "Adam", {"lr": 0.01}, 4)
    state = optimizer.state_dict()
    _, other = run(ours, "Adam", {"lr": 0.01}, 0)
    other.load_state_dict(state)
    params = [p for group in other.param_groups for p in group["params"]]
    for number, entries in state["state"].items():
        for name, tensor in entries.items():
            loaded = other.state[params[number]][name]
            assert not np.shares_memory(loaded.array, tensor.array)
            assert loaded.dtype == tensor.dtype


def test_closure():
    for framework in (ours, torch):
        x = framework.tensor([2.0], requires_grad=True)
        optimizer = framework.optim.SGD([x], lr=0.25)

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (x * x).sum()
            loss.backward()
            return loss

        with framework.no_grad():
            loss = optimizer.step(closure)
        assert loss.item() == 4.0
        assert x.tolist() == [1.0]


def test_hooks_and_user_defined_optimizers():
    for framework in (ours, torch):
        optim = framework.optim

        class Descent(optim.Optimizer):
            def __init__(self, params, lr):
                super().__init__(params, {"lr": lr})

            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group["params"]:
                        p.data = p.data - group["lr"] * p.grad
                        self.state[p]["count"] = self.state[p].get("count", 0) + 1

        x = framework.ones(1, requires_grad=True)
        optimizer = Descent([x], lr=0.5)
        log = []
        handle = optimizer.register_step_pre_hook(lambda o, args, kwargs, log=log: log.append("before"))
        optimizer.register_step_post_hook(lambda o, args, kwargs, log=log: log.append("after"))
        x.grad = framework.ones(1)
        optimizer.step()
        handle.remove()
        optimizer.step()
        assert log == ["before", "after", "after"]
        assert x.tolist() == [0.0]
        assert optimizer.state_dict()["state"] == {0: {"count": 2}}
        optimizer.load_state_dict(optimizer.state_dict())
        assert optimizer.state[x]["count"] == 2


def test_hooks_of_states():
    logs = []
    for framework in (ours, torch):
        log = []
        x = framework.ones(1, requires_grad=True)
        optimizer = framework.optim.SGD([x], lr=0.5)

        def log_name(name, log=log):
            return lambda *arguments: log.append((name, len(arguments)))

        def other_rate(optimizer, state):
            return {**state, "param_groups": [{**state["param_groups"][0], "lr": 0.25}]}

        optimizer.register_state_dict_pre_hook(log_name("before"))
        optimizer.register_state_dict_pre_hook(log_name("first"), prepend=True)
        optimizer.register_state_dict_post_hook(log_name("after"))
        handle = optimizer.register_state_dict_post_hook(other_rate)
        state = optimizer.state_dict()
        handle.remove()
        log.append(state["param_groups"][0]["lr"])
        optimizer.register_load_state_dict_pre_hook(other_rate)
        optimizer.register_load_state_dict_post_hook(log_name("loaded"))
        optimizer.load_state_dict(optimizer.state_dict())
        log.append(optimizer.param_groups[0]["lr"])
        logs.append(log)
    assert logs[0] == logs[1] and 0.25 in logs[0]


def test_names_groups_and_repr():
    for framework in (ours, torch):
        module = framework.nn.Linear(2, 1)
        optimizer = framework.optim.SGD(module.named_parameters(), lr=0.1)
        assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
        optimizer.add_param_group({"params": [("x", framework.ones(1, requires_grad=True))], "lr": 0.2})
        assert optimizer.state_dict()["param_groups"][1]["params"] == [2]
        assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.2]
    x, y = ours.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    assert repr(ours.optim.Adam([x])) == repr(torch.optim.Adam([y]))


@pytest.mark.parametrize("t", [ours, torch])
def test_zero_grad(t):
    layer = t.nn.Linear(2, 1, bias=False)
    for owner in (t.optim.SGD(layer.parameters(), lr=0.1), layer):
        held = layer.weight.grad = layer(t.ones(1, 2)) * 2 * t.ones(1, 2)  # with a history
        owner.zero_grad(set_to_none=False)
        assert layer.weight.grad is held and held.tolist() == [[0, 0]] and not held.requires_grad
        owner.zero_grad()
        assert layer.weight.grad is None


def leaf(framework):
    return framework.ones(1, requires_grad=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda f, o: o.SGD([], lr=0.1),
        lambda f, o: o.SGD(leaf(f), lr=0.1),
        lambda f, o: o.SGD([3], lr=0.1),
        lambda f, o: o.SGD([leaf(f) * 2], lr=0.1),
        lambda f, o: o.SGD([leaf(f)], lr=-1),
        lambda f, o: o.SGD([leaf(f)], momentum=-1),
        lambda f, o: o.SGD([leaf(f)], weight_decay=-1),
        lambda f, o: o.SGD([leaf(f)], nesterov=True),
        lambda f, o: o.Adam([leaf(f)], lr=-1.0),
        lambda f, o: o.Adam([leaf(f)], eps=-1),
        lambda f, o: o.Adam([leaf(f)], betas=(1.0, 0.9)),
        lambda f, o: o.Adam([leaf(f)], betas=(0.9, f.tensor(0.99))),
        lambda f, o: o.Adam([leaf(f)], lr=f.tensor(0.1), foreach=True),
        lambda f, o: o.Adam([leaf(f)], betas=(f.tensor(0.9), f.tensor(0.99)), foreach=True),
        lambda f, o: o.Adam([leaf(f)], betas=(0.9, -0.1)),
        lambda f, o: o.AdamW([leaf(f)], weight_decay=-1),
        lambda f, o: o.SGD([leaf(f)], lr=0.1).add_param_group(3),
        lambda f, o: o.SGD([leaf(f)], lr=0.1).add_param_group({"params": {leaf(f)}}),
        lambda f, o: (lambda x: o.SGD([x], lr=0.1).add_param_group({"params": [x]}))(leaf(f)),
        lambda f, o: o.SGD([("a", leaf(f)), leaf(f)], lr=0.1),
        lambda f, o: o.SGD([("a", leaf(f))], lr=0.1).add_param_group({"params": [leaf(f)]}),
        lambda f, o: o.Optimizer([leaf(f)], {}).step(),
        lambda f, o: o.SGD([leaf(f)], lr=f.ones(2)),
        lambda f, o: o.Adam([leaf(f)], fused=True, foreach=True),
        lambda f, o: o.RMSprop([leaf(f)], alpha=-1),
        lambda f, o: o.Adadelta([leaf(f)], rho=1.1),
        lambda f, o: o.Adagrad([leaf(f)], lr_decay=-0.5),
        lambda f, o: o.Adagrad([leaf(f)], fused=True, foreach=True),
        lambda f, o: o.Adamax([leaf(f)], betas=(0.0, 1.0)),
        lambda f, o: o.NAdam([leaf(f)], momentum_decay=-1),
        lambda f, o: o.RAdam([leaf(f)], weight_decay=-1),
        lambda f, o: o.ASGD([leaf(f)], lr=-1),
        lambda f, o: o.Rprop([leaf(f)], etas=(1.0, 0.5)),
        lambda f, o: o.Adafactor([leaf(f)], beta2_decay=0.8),
        lambda f, o: o.Adafactor([leaf(f)], eps=(-1e-30, 1e-3)),
        lambda f, o: o.Adafactor([leaf(f)], d=0.5),
        lambda f, o: o.Muon([leaf(f)]),
        lambda f, o: o.Muon([f.ones(2, 2)], adjust_lr_fn="arbitrary"),
        lambda f, o: o.LBFGS([{"params": [leaf(f)]}, {"params": [leaf(f)]}]),
        lambda f, o: o.LBFGS([leaf(f)], lr=-1),
        lambda f, o: o.LBFGS([leaf(f)]).step(),
    ],
)
def test_errors_are_pytorchs(make):
    kinds = []
    for framework in (ours, torch):
        with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
            make(framework, framework.optim)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_refused_settings_and_states():
    with pytest.raises(KeyError, match="under 'params', found 'weights', 'lr'"):
        ours.optim.SGD([{"weights": [leaf(ours)], "lr": 1.0}])
    with pytest.raises(ValueError, match="differentiable=False"):
        ours.optim.Adam([leaf(ours)], differentiable=True)
    optimizer = ours.optim.Adam([leaf(ours)], foreach=True, fused=False, capturable=True)
    state = optimizer.state_dict()
    with pytest.raises(CheckpointError, match="different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(CheckpointError, match="doesn't match the size"):
        optimizer.load_state_dict(
            {"state": {}, "param_groups": [{**state["param_groups"][0], "params": [0, 1]}]}
        )
    state["state"][0] = {"step": ours.tensor(1.0), "exp_avg": ours.ones(7), "exp_avg_sq": ours.ones(7)}
    optimizer.load_state_dict(state)
    optimizer.param_groups[0]["params"][0].grad = ours.ones(1)
    with pytest.raises(CheckpointError, match=r"found .*7"):
        optimizer.step()


def test_duplicate_parameters_warn():
    x = leaf(ours)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        ours.optim.SGD([x, x], lr=0.1)


def lookahead(framework):
    class Lookahead(framework.optim.Optimizer):
        """M. Zhang et al., *Lookahead Optimizer*, as it is often written: around another optimizer."""

        def __init__(self, optimizer, alpha=0.5, k=2):
            self.optimizer, self.alpha, self.k, self.calls = optimizer, alpha, k, 0
            self.param_groups = optimizer.param_groups
            self.slow = [[p.detach().clone() for p in group["params"]] for group in self.param_groups]

        def zero_grad(self):
            self.optimizer.zero_grad()

        def step(self, closure=None):
            loss = self.optimizer.step(closure)
            self.calls += 1
            if self.calls % self.k == 0:
                for group, slow in zip(self.param_groups, self.slow):
                    for p, s in zip(group["params"], slow):
                        s.add_(p.detach() - s, alpha=self.alpha)
                        p.data.copy_(s)
            return loss

    return Lookahead


def test_a_subclass_need_not_call_the_constructor_of_optimizer():
    results = []
    for framework in (ours, torch):
        p = framework.nn.Parameter(framework.tensor([1.0, -2.0], dtype=framework.float64))
        optimizer = lookahead(framework)(framework.optim.SGD([p], lr=0.1))
        for _ in range(5):
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()
        results.append(p.detach().numpy())
    np.testing.assert_allclose(*results, rtol=1e-12)
    calls = []
    optimizer = ours.optim.Optimizer.__new__(type("Mine", (ours.optim.Optimizer,), {"step": lambda self: 7}))
    assert optimizer.step() == 7
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    assert optimizer.step() == 7 and calls == ["after"]
