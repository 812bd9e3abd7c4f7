"""Module against torch.nn.Module: the same class, written once for both."""

import copy
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import CheckpointError, DtypeError


def test_arguments_of_to():
    """As PyTorch has it: a name is a device, and there is one device and one dtype."""

    def read(t, *args, **named):
        return str(t.nn.Linear(1, 1).to(*args, **named).weight.dtype)

    for args, named in (
        (lambda t: ("cpu", t.float64), {}),
        (lambda t: (t.device("cpu"), t.float64, True), {}),
        (lambda t: (t.ones(1).half(),), {}),
        (lambda t: (None, t.float64), {}),
        (lambda t: (float,), {"non_blocking": True}),
        (lambda t: (), {"device": "cpu"}),
    ):
        assert read(ours, *args(ours), **named) == read(torch, *args(torch), **named)
    for args, named, text in (
        (
            ("cpu", "half"),
            {},
            r"expected one device, found \['cpu', 'half'\]; a name such as 'cpu' is a device",
        ),
        (("half",), {}, "expected the device 'cpu', found 'half'"),
        ((0,), {}, "expected the device 'cpu', found '0'"),
        ((1.5,), {}, "Module.to: expected a dtype of numbers such as torch.float32, found 1.5"),
        ((ours.float64, ours.float32), {}, "expected one dtype"),
        ((ours.float64,), {"dtype": ours.float32}, "expected one dtype"),
        ((ours.ones(1), "cpu"), {}, "expected one device"),
    ):
        with pytest.raises(RuntimeError, match=text):
            ours.nn.Linear(1, 1).to(*args, **named)


def network(framework):
    """The same module of either framework, with nesting, a tied parameter, buffers and a name reserved for a
    bias."""
    nn = framework.nn

    class Part(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.linear = nn.Linear(size, size)
            self.scale = nn.Parameter(framework.ones(size))
            self.register_parameter("shift", None)
            self.register_buffer("count", framework.zeros(1))
            self.register_buffer("scratch", framework.zeros(2), persistent=False)

        def forward(self, x, factor=1.0):
            return framework.tanh(self.linear(x)) * self.scale * factor

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = Part(3)
            self.blocks = nn.ModuleList([Part(3), Part(3)])
            self.first_again = self.first
            self.last = nn.Linear(3, 2, bias=False)
            self.blocks[1].scale = self.first.scale

        def forward(self, x):
            x = self.first(x)
            for block in self.blocks:
                x = block(x, factor=0.5)
            return self.last(x)

    return Net()


@pytest.fixture
def pair():
    mine, theirs = network(ours), network(torch)
    theirs.double()
    mine.double()
    with torch.no_grad():
        for (_, p), (_, q) in zip(mine.named_parameters(), theirs.named_parameters(), strict=True):
            q.copy_(torch.from_numpy(p.numpy(force=True).copy()))
    return mine, theirs


def names(iterator):
    return [name for name, _ in iterator]


def test_names_are_pytorchs_in_pytorchs_order(pair):
    mine, theirs = pair
    for method in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert names(getattr(mine, method)()) == names(getattr(theirs, method)())
    for method in ("named_parameters", "named_buffers", "named_modules"):
        assert names(getattr(mine, method)(prefix="p")) == names(getattr(theirs, method)(prefix="p"))
        assert names(getattr(mine, method)(remove_duplicate=False)) == names(
            getattr(theirs, method)(remove_duplicate=False)
        )
    assert names(mine.named_parameters(recurse=False)) == names(theirs.named_parameters(recurse=False))
    assert len(list(mine.parameters())) == len(list(theirs.parameters()))
    assert len(list(mine.buffers())) == len(list(theirs.buffers()))
    assert [type(m).__name__ for m in mine.modules()] == [type(m).__name__ for m in theirs.modules()]
    assert [type(m).__name__ for m in mine.children()] == [type(m).__name__ for m in theirs.children()]
    assert list(mine.state_dict()) == list(theirs.state_dict())
    assert list(mine.state_dict(prefix="net.")) == list(theirs.state_dict(prefix="net."))


def test_repr_is_pytorchs(pair):
    mine, theirs = pair
    assert repr(mine) == repr(theirs)


def test_values_and_gradients(pair):
    mine, theirs = pair
    x = np.random.default_rng(0).normal(size=(5, 3))
    y, z = mine(ours.from_numpy(x)), theirs(torch.from_numpy(x))
    np.testing.assert_allclose(y.numpy(force=True), z.detach().numpy(), rtol=1e-12)
    y.sum().backward()
    z.sum().backward()
    for (name, p), (_, q) in zip(mine.named_parameters(), theirs.named_parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12, err_msg=name)
    mine.zero_grad(set_to_none=False)
    assert all(not p.grad.array.any() for p in mine.parameters())
    mine.zero_grad()
    assert all(p.grad is None for p in mine.parameters())


def test_state_of_pytorch_can_be_loaded(pair):
    mine, theirs = pair
    with torch.no_grad():
        for p in theirs.parameters():
            p += 1
    version = mine.last.weight._version
    result = mine.load_state_dict(theirs.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert mine.last.weight._version == version + 1
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(mine.state_dict()[key].numpy(), value.numpy())
    assert mine.blocks[1].scale is mine.first.scale


def test_state_dict_shares_memory_and_carries_no_gradient(pair):
    mine, _ = pair
    state = mine.state_dict()
    assert np.shares_memory(state["last.weight"].array, mine.last.weight.array)
    assert not state["last.weight"].requires_grad
    assert mine.state_dict(keep_vars=True)["last.weight"] is mine.last.weight


def error_of(function, *arguments, **options):
    with pytest.raises(Exception) as caught:
        function(*arguments, **options)
    return caught.value


def test_load_errors_are_pytorchs_and_change_nothing(pair):
    mine, theirs = pair
    before = mine.last.weight.numpy(force=True).copy()
    state = {k: v.numpy() + 1 for k, v in theirs.state_dict().items()}
    state["extra"] = state.pop("first.count")
    state["blocks.0.linear.bias"] = np.zeros(7)
    error = error_of(mine.load_state_dict, state)
    assert isinstance(error, CheckpointError)
    expected = str(error_of(theirs.load_state_dict, {k: torch.from_numpy(v) for k, v in state.items()}))
    assert str(error) == expected
    np.testing.assert_array_equal(mine.last.weight.numpy(force=True), before)
    del state["blocks.0.linear.bias"]
    found = mine.load_state_dict(state, strict=False)
    wanted = theirs.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    assert (found.missing_keys, found.unexpected_keys) == (wanted.missing_keys, wanted.unexpected_keys)
    np.testing.assert_array_equal(mine.last.weight.numpy(force=True), before + 1)
    with pytest.raises(TypeError, match="dict-like"):
        mine.load_state_dict([1])
    with pytest.raises(CheckpointError, match="expected Tensor or Tensor-like"):
        mine.load_state_dict({**mine.state_dict(), "last.weight": [[1.0] * 3] * 2})


def test_load_with_assign_takes_the_tensors():
    layer = ours.nn.Linear(2, 2)
    state = {"weight": ours.ones(2, 2), "bias": ours.zeros(2)}
    layer.load_state_dict(state, assign=True)
    assert layer.weight.array is state["weight"].array
    assert isinstance(layer.weight, ours.nn.Parameter)
    assert layer.weight.requires_grad


def test_extra_state():
    class Counting(ours.nn.Linear):
        calls = 3

        def get_extra_state(self):
            return {"calls": self.calls}

        def set_extra_state(self, state):
            self.calls = state["calls"]

    module = ours.nn.Sequential(Counting(1, 1))
    state = module.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state"]
    module[0].calls = 0
    module.load_state_dict(state)
    assert module[0].calls == 3
    with pytest.raises(CheckpointError, match="_extra_state"):
        module.load_state_dict({"0.weight": state["0.weight"], "0.bias": state["0.bias"]})


def test_train_eval_apply_and_freezing(pair):
    mine, _ = pair
    assert all(m.training for m in mine.modules())
    assert mine.eval() is mine
    assert not any(m.training for m in mine.modules())
    mine.train()
    assert all(m.training for m in mine.modules())
    with pytest.raises(ValueError, match="boolean"):
        mine.train(1)
    seen = []
    mine.apply(lambda m: seen.append(type(m).__name__))
    theirs = []
    pair[1].apply(lambda m: theirs.append(type(m).__name__))
    assert seen == theirs
    mine.requires_grad_(False)
    assert not any(p.requires_grad for p in mine.parameters())


def test_conversion_of_dtype_keeps_the_tensors(pair):
    mine, _ = pair
    weight = mine.last.weight
    mine(ours.ones(1, 3, dtype=ours.float64)).sum().backward()
    mine.first.register_buffer("index", ours.tensor([1, 2]))
    assert mine.to(ours.float32) is mine
    assert mine.last.weight is weight
    assert weight.dtype == weight.grad.dtype == np.float32
    assert mine.first.index.dtype == np.int64
    assert mine.double().last.weight.dtype == np.float64
    assert mine.float().last.weight.dtype == np.float32
    assert mine.half().last.weight.dtype == np.float16
    assert mine.to(weight.double()).last.weight.dtype == np.float64
    assert mine.to("cpu", ours.float32).last.weight.dtype == np.float32
    assert mine.to(device="cpu").cpu() is mine
    with pytest.raises(DtypeError, match="floating point or complex"):
        mine.to(ours.int64)
    with pytest.raises(RuntimeError, match="cuda"):
        mine.to("cuda")
    with pytest.raises(RuntimeError, match="cuda"):
        mine.cuda()


def test_copies_and_pickles_keep_ties(pair):
    mine, _ = pair
    mine(ours.ones(1, 3, dtype=ours.float64)).sum().backward()
    for copied in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine_without_locals()))):
        assert copied.blocks[1].scale is copied.first.scale
        assert isinstance(copied.first.scale, ours.nn.Parameter)
        assert copied.first.scale.grad is None
    copied = copy.deepcopy(mine)
    assert copied.last.weight is not mine.last.weight
    np.testing.assert_array_equal(copied.last.weight.array, mine.last.weight.array)
    assert not np.shares_memory(copied.last.weight.array, mine.last.weight.array)


def mine_without_locals():
    """A picklable module of the same kind of structure: local classes cannot be pickled."""
    nn = ours.nn
    net = nn.Module()
    net.first = nn.Module()
    net.first.scale = nn.Parameter(ours.ones(2))
    net.blocks = nn.ModuleList([nn.Linear(2, 2), nn.Module()])
    net.blocks[1].scale = net.first.scale
    return net


@pytest.mark.parametrize(
    ("assign", "error"),
    [
        (lambda nn, m: setattr(m, "weight", "text"), TypeError),
        (lambda nn, m: setattr(m, "child", 3), TypeError),
        (lambda nn, m: setattr(m, "buffer", 3), TypeError),
        (lambda nn, m: m.register_parameter("a.b", None), KeyError),
        (lambda nn, m: m.register_parameter("", None), KeyError),
        (lambda nn, m: m.register_parameter("forward", None), KeyError),
        (lambda nn, m: m.register_parameter("p", 3), TypeError),
        (lambda nn, m: m.register_buffer("weight", None), KeyError),
        (lambda nn, m: m.register_buffer("b", 3), TypeError),
        (lambda nn, m: m.register_buffer(3, None), TypeError),
        (lambda nn, m: m.add_module("x", 3), TypeError),
        (lambda nn, m: m.add_module("weight", nn.Identity()), KeyError),
        (lambda nn, m: m.missing, AttributeError),
        (lambda nn, m: m.get_submodule("child.nothing"), AttributeError),
        (lambda nn, m: m.get_parameter("buffer"), AttributeError),
        (lambda nn, m: m.get_parameter("nothing"), AttributeError),
        (lambda nn, m: m.get_buffer("weight"), AttributeError),
        (lambda nn, m: nn.Module()(1), NotImplementedError),
        (
            lambda nn, m: m.register_parameter("p", nn.Parameter(m.weight.detach() * 1) * 2),
            (TypeError, ValueError),
        ),
    ],
)
def test_errors_are_pytorchs(assign, error):
    for framework in (ours, torch):
        nn = framework.nn
        module = nn.Module()
        module.weight = nn.Parameter(framework.ones(1))
        module.child = nn.Identity()
        module.register_buffer("buffer", framework.ones(1))
        with pytest.raises(error):
            assign(nn, module)


def test_assignment_before_init():
    class Late(ours.nn.Module):
        def __init__(self):
            self.layer = ours.nn.Identity()

    with pytest.raises(AttributeError, match="cannot assign module before"):
        Late()


def test_attributes_change_their_kind():
    module = ours.nn.Module()
    module.x = ours.nn.Parameter(ours.ones(1))
    module.x = None
    assert module.x is None
    assert list(module.state_dict()) == []
    del module.x
    module.x = ours.nn.Identity()
    assert names(module.named_children()) == ["x"]
    module.x = ours.nn.Parameter(ours.ones(1))
    assert list(module.children()) == [] and names(module.named_parameters()) == ["x"]
    del module.x
    assert not hasattr(module, "x")
    module.x = ours.nn.Buffer(ours.zeros(1), persistent=False)
    assert names(module.named_buffers()) == ["x"]
    assert list(module.state_dict()) == []


def test_submodules_by_dotted_name(pair):
    mine, _ = pair
    assert mine.get_submodule("blocks.1.linear") is mine.blocks[1].linear
    assert mine.get_submodule("") is mine
    assert mine.get_parameter("blocks.0.linear.weight") is mine.blocks[0].linear.weight
    assert mine.get_buffer("first.count") is mine.first.count
    mine.set_submodule("blocks.1.linear", ours.nn.Identity())
    assert isinstance(mine.blocks[1].linear, ours.nn.Identity)


@pytest.mark.needs_torch
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", ["last", "new", "blocks.2", "first.linear.new", "no.new", "", "last.weight"])
def test_submodules_are_replaced_and_added(name, strict, pair):
    found = []
    for framework, made in zip((ours, torch), pair):
        try:
            made.set_submodule(name, framework.nn.Identity(), strict=strict)
            found.append(names(made.named_modules()))
        except (AttributeError, ValueError) as error:
            found.append(repr(error))
        with pytest.raises(ValueError, match=r"`module` is not an nn\.Module, found"):
            made.set_submodule("last", 3)
    assert found[0] == found[1]
