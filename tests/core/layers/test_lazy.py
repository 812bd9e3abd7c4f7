"""Lazy layers and uninitialized parameters, as PyTorch's: before, at and after the first batch."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

BOTH = pytest.mark.parametrize("module", [ours, torch], ids=["ours", "torch"])

# (layer, arguments, keyword arguments, shape of the input)
LAYERS = [
    ("LazyLinear", (3,), {}, (2, 4)),
    ("LazyLinear", (3,), {"bias": False}, (4,)),
    ("LazyConv1d", (4, 3), {"groups": 2}, (2, 6, 5)),
    ("LazyConv2d", (3, (2, 3)), {"padding": "same", "padding_mode": "reflect"}, (2, 5, 6)),
    ("LazyConv3d", (2, 2), {"stride": 2, "bias": False}, (1, 3, 4, 4, 4)),
    ("LazyConvTranspose1d", (4, 3), {"stride": 2, "output_padding": 1, "groups": 2}, (2, 6, 5)),
    ("LazyConvTranspose2d", (3, 2), {"dilation": 2}, (4, 5, 6)),
    ("LazyConvTranspose3d", (2, 2), {"bias": False}, (1, 3, 2, 2, 2)),
    ("LazyBatchNorm1d", (), {}, (4, 3)),
    ("LazyBatchNorm2d", (0.1,), {"affine": False}, (2, 3, 4, 4)),
    ("LazyBatchNorm3d", (), {"track_running_stats": False, "bias": False}, (2, 3, 2, 2, 2)),
    ("LazyInstanceNorm1d", (), {}, (2, 3, 5)),
    ("LazyInstanceNorm2d", (), {"momentum": 0.3}, (2, 3, 4, 4)),
    ("LazyInstanceNorm3d", (), {"track_running_stats": False}, (1, 3, 2, 2, 2)),
]


def kinds_of(layer):
    tensors = [*layer.named_parameters(), *layer.named_buffers()]
    return [(name, type(t).__name__) for name, t in tensors]


@pytest.mark.parametrize(("name", "arguments", "settings", "shape"), LAYERS)
def test_a_lazy_layer_becomes_its_counterpart(name, arguments, settings, shape):
    found = []
    torch.manual_seed(0)
    for module in (ours, torch):
        layer = getattr(module.nn, name)(*arguments, **settings).double()
        before = list(layer.parameters())
        text = [repr(layer), list(layer.state_dict()), kinds_of(layer), repr(before)]
        x = np.random.default_rng(0).normal(size=shape)
        layer(module.from_numpy(x))
        assert all(a is b for a, b in zip(before, layer.parameters(), strict=True))
        text += [repr(layer), list(layer.state_dict()), kinds_of(layer), type(layer).__name__]
        text += [tuple(p.shape) for p in layer.state_dict().values()]
        found.append((text, {str(p.dtype) for p in before}, layer, x))
    (text, dtypes, mine, x), (expected, dtypes_there, theirs, _) = found
    assert text == expected and dtypes == dtypes_there
    mine.load_state_dict(theirs.state_dict())
    y, z = mine(ours.from_numpy(x)), theirs(torch.from_numpy(x))
    np.testing.assert_allclose(y.numpy(force=True), z.detach().numpy(), rtol=1e-10, atol=1e-12)


@BOTH
def test_an_optimizer_made_before_holds_the_same_parameters(module):
    module.manual_seed(0)
    net = module.nn.Sequential(module.nn.LazyLinear(3), module.nn.Tanh(), module.nn.LazyLinear(1))
    optimizer = module.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = net(module.ones(2, 4)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert all(p.grad is not None and p in optimizer.state for p in net.parameters())


@pytest.mark.needs_torch
@BOTH
def test_lazy_layers_are_beside_their_counterparts(module):
    files = module.nn.modules
    assert files.linear.LazyLinear is module.nn.LazyLinear
    assert files.conv.LazyConvTranspose2d is module.nn.LazyConvTranspose2d
    assert files.batchnorm.LazyBatchNorm1d is module.nn.LazyBatchNorm1d
    assert files.instancenorm.LazyInstanceNorm3d is module.nn.LazyInstanceNorm3d


def test_initial_values_are_those_of_the_counterpart():
    ours.manual_seed(3)
    layer = ours.nn.LazyConv2d(3, 2)
    layer(ours.ones(1, 2, 4, 4))
    ours.manual_seed(3)
    assert ours.equal(layer.weight, ours.nn.Conv2d(2, 3, 2).weight)


def test_a_single_sample_tells_its_channels():
    """In PyTorch dimension 1 counts as the channels, so that this raises."""
    layer = ours.nn.LazyInstanceNorm1d()
    assert layer(ours.ones(3, 5)).shape == (3, 5) and layer.num_features == 3


def unfinished(module):
    class Unfinished(module.nn.modules.lazy.LazyModuleMixin, module.nn.Module):
        pass

    return Unfinished()


def attempts(module):
    parameter = module.nn.parameter.UninitializedParameter()
    lazy = module.nn.LazyLinear
    return {
        "use": lambda: parameter + 1,
        "numel": lambda: parameter.numel(),
        "method": lambda: parameter.normal_(),
        "init": lambda: module.nn.init.xavier_uniform_(parameter),
        "shape": lambda: parameter.shape,
        "sizes": lambda: module.nn.LazyConv2d(3, 3)(module.ones(3, 3)),
        "groups": lambda: module.nn.LazyConv2d(4, 3, groups=2)(module.ones(1, 3, 5, 5)),
        "forward": lambda: lazy(3).forward(module.ones(2)),
        "normalization": lambda: module.nn.LazyBatchNorm2d()(module.ones(4)),
        "load": lambda: module.nn.Linear(2, 3).load_state_dict(lazy(3).state_dict()),
        "device": lambda: module.nn.parameter.UninitializedParameter(device="cuda:99"),
        "base": lambda: unfinished(module)(3),
    }


@pytest.mark.parametrize("what", attempts(ours))
def test_errors(what):
    with pytest.raises((ValueError, RuntimeError, IndexError, AssertionError)) as wanted:
        attempts(torch)[what]()
    with pytest.raises(wanted.type if what != "device" else RuntimeError):
        attempts(ours)[what]()
    if what == "use":
        with pytest.raises(ValueError, match=r"uninitialized parameter.*call the lazy module"):
            attempts(ours)[what]()


@BOTH
def test_what_an_uninitialized_parameter_allows(module):
    layer = module.nn.LazyLinear(2)
    p = layer.weight
    assert layer.weight.data.normal_().shape == (0,)  # as scripts do that initialise every parameter
    assert p.requires_grad and p.is_leaf and p.grad is None and p.dtype == module.float32
    assert isinstance(p, module.nn.Parameter) and repr(p) == "<UninitializedParameter>"
    for copied in (copy.copy(p), copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(copied) is type(p) and copied is not p
    layer.reset_parameters()
    layer.zero_grad()
    layer.half()
    assert layer.weight.dtype == module.float16 and layer.has_uninitialized_params()
    made = module.nn.parameter.UninitializedParameter(requires_grad=False)
    made.materialize((2, 3), dtype=module.float64)
    assert type(made) is module.nn.Parameter and made.shape == (2, 3) and not made.requires_grad
    assert made.dtype == module.float64
    buffer = module.nn.UninitializedBuffer()
    buffer.materialize((2,))
    assert type(buffer) is module.Tensor and not buffer.requires_grad


@BOTH
def test_states(module):
    full, x = module.nn.Linear(4, 3), module.ones(2, 4)
    lazy = module.nn.LazyLinear(3)
    held = list(lazy.parameters())
    lazy.load_state_dict(full.state_dict())
    assert type(lazy).__name__ == "LazyLinear" and held[0] is lazy.weight
    assert module.equal(lazy(x), full(x))
    assert repr(lazy) == repr(full)
    other = module.nn.LazyLinear(3)
    other.load_state_dict(module.nn.LazyLinear(3).state_dict())
    assert other.has_uninitialized_params()
    other.load_state_dict(full.state_dict(), assign=True)
    assert module.equal(other(x), full(x))


@BOTH
def test_copies_and_pickles_of_lazy_layers(module):
    layer = module.nn.LazyConv1d(2, 3)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.weight is not layer.weight and copied.has_uninitialized_params()
        copied(module.ones(1, 3, 4))
        assert repr(copied) == "Conv1d(3, 2, kernel_size=(3,), stride=(1,))"
    assert layer.has_uninitialized_params()
    layer(module.ones(1, 1, 4))
    file = io.BytesIO()
    module.save(layer.state_dict(), file)


def own_layer(module):
    class Shift(module.nn.modules.lazy.LazyModuleMixin, module.nn.Module):
        count = 0

        def __init__(self):
            super().__init__()
            self.by = module.nn.UninitializedParameter()
            self.register_buffer("scale", module.nn.UninitializedBuffer())

        def initialize_parameters(self, x, *, forget=False):
            self.count += 1
            self.by.materialize(x.shape)
            module.nn.init.ones_(self.by)
            if not forget:
                self.scale.materialize(())
                self.scale.fill_(2.0)

        def forward(self, x, *, forget=False):
            return self.scale * (x + self.by)

    return Shift()


@BOTH
def test_a_lazy_layer_of_the_users_own(module):
    layer = own_layer(module)
    for _ in range(2):
        assert layer(module.ones(2)).tolist() == [4.0, 4.0]
    assert type(layer).__name__ == "Shift" and layer.count == 1
    with pytest.raises(RuntimeError, match="has not been fully initialized"):
        own_layer(module)(module.ones(2), forget=True)


@BOTH
def test_hooks_of_the_user_see_the_layer_initialized(module):
    layer = module.nn.LazyLinear(3)
    seen = []
    layer.register_forward_pre_hook(lambda layer, args: seen.append(layer.in_features))
    layer(module.ones(2))
    assert seen == [2]


def test_a_captured_step_may_start_lazy():
    net = ours.nn.Sequential(ours.nn.LazyConv1d(2, 2), ours.nn.LazyBatchNorm1d())
    captured = ours.compile(net)
    x = ours.rand(3, 2, 5)
    values = [captured(x) for _ in range(3)]
    assert ours.equal(values[1], net(x)) and ours.equal(values[2], net(x))
