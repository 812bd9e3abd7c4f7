"""Copies keep what the object was: kind, attributes, order of memory, and what shares it."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "pickle, oldest protocol": lambda x: pickle.loads(pickle.dumps(x, protocol=2)),
}


class Labelled(ours.Tensor):
    """A user's kind of tensor, with an attribute of its class."""

    unit = "m"


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.mark.parametrize("t", [torch, ours])
def test_attributes_of_a_tensor_are_kept(t, way):
    x = t.ones(2, requires_grad=True)
    x.tag, x.more = "w", {"list": [1]}
    copied = way(x)
    assert copied is not x and copied.tag == "w" and copied.more == {"list": [1]}
    assert (copied.more is x.more) == (way is copy.copy)
    assert copied.requires_grad and copied.is_leaf


@pytest.mark.parametrize("kind", [ours.nn.Parameter, lambda x: ours.nn.Buffer(x, persistent=False), Labelled])
def test_kinds_of_tensors_are_kept(kind, way):
    """PyTorch drops the attributes of a parameter that is copied deeply, and makes a tensor of a buffer."""
    x = kind(ours.ones(2))
    x.tag, x.unit = ["w"], "cm"
    copied = way(x)
    assert type(copied) is type(x) and copied.tag == ["w"] and copied.unit == "cm"
    assert copied.requires_grad == x.requires_grad
    assert getattr(copied, "persistent", None) == getattr(x, "persistent", None)
    assert np.may_share_memory(copied.array, x.array) == (way is copy.copy)


@pytest.mark.filterwarnings("ignore:backward hook .* will not be serialized")  # PyTorch's
@pytest.mark.parametrize("t", [torch, ours])
def test_gradients_and_hooks(t, way):
    """Of all copies only the deep one of a plain tensor has the gradient; none has hooks."""
    plain, parameter = t.ones(2, requires_grad=True), t.nn.Parameter(t.ones(2))
    calls = []
    for x in (plain, parameter):
        x.grad = t.full((2,), 3.0)
        x.register_hook(lambda g: calls.append(g))
        copied = way(x)
        if way is copy.deepcopy and x is plain:
            assert copied.grad.tolist() == [3, 3] and copied.grad is not x.grad
        else:
            assert copied.grad is None
        copied.grad = None
        copied.sum().backward()
        assert copied.grad.tolist() == [1, 1] and x.grad.tolist() == [3, 3] and not calls


VIEWS = {
    "transposed": lambda t, x: x.permute(2, 0, 1),
    "sliced": lambda t, x: x[:, 1:, ::2],
    "reversed axes": lambda t, x: x.permute(2, 1, 0)[1:],
    "one row": lambda t, x: x[1, 2],
    "one element": lambda t, x: x[1, 2, 3],
    "expanded": lambda t, x: x[:1].expand(5, 3, 4),
    "diagonal": lambda t, x: x.diagonal(0, 0, 1),
    "channels last": lambda t, x: x[None].contiguous(memory_format=t.channels_last),
    "empty": lambda t, x: x[:0],
    "integers": lambda t, x: x.long().t() if x.ndim == 2 else x.long().permute(1, 0, 2),
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_order_of_memory_is_kept(name, way):
    """Strides as PyTorch keeps them; a pickle holds no gaps, where PyTorch's holds all of the memory."""

    def made(t):
        x = VIEWS[name](t, t.arange(24.0).reshape(2, 3, 4))
        return x, way(x)

    (x, copied), (_, expected) = made(ours), made(torch)
    np.testing.assert_array_equal(copied.numpy(), expected.numpy())
    assert copied.dtype == x.dtype
    if way in (copy.copy, copy.deepcopy) or name in ("transposed", "channels last", "expanded", "integers"):
        significant = [i for i, n in enumerate(x.shape) if n > 1 and x.numel()]
        assert [copied.stride(i) for i in significant] == [expected.stride(i) for i in significant]
    if way is not copy.copy and name != "expanded":
        copied.add_(1)
        np.testing.assert_array_equal(
            x.numpy(), VIEWS[name](ours, ours.arange(24.0).reshape(2, 3, 4)).numpy()
        )


def test_a_pickle_of_a_part_or_of_an_expanded_tensor_is_small():
    large = ours.zeros(100_000)
    assert len(pickle.dumps(large[::1000])) < 2000
    assert len(pickle.dumps(large[:1].expand(100_000))) < 2000


@pytest.mark.parametrize("t", [torch, ours])
@pytest.mark.parametrize("order", [1, -1])
def test_a_deep_copy_keeps_which_tensors_share_memory(t, order):
    base = t.arange(12.0)
    matrix = base.reshape(3, 4)
    parts = [base, matrix[1:], matrix.t(), base[5], t.zeros(2)][::order]
    copied = copy.deepcopy({"parts": parts, "again": parts[0]})
    new = copied["parts"][::order]
    new[0].mul_(-1)
    new[2][0, 0] = 100
    assert new[1].tolist() == [[-4, -5, -6, -7], [-8, -9, -10, -11]] and new[0][0] == 100 and new[3] == -5
    assert base.tolist() == list(range(12)) and copied["again"] is copied["parts"][0]


def test_a_deep_copy_of_reversed_foreign_and_read_only_memory():
    values = np.frombuffer(bytes(range(6)), np.uint8)
    for array in (
        values,
        values[::-1],
        values.reshape(2, 3).T[::-1],
        np.asfortranarray(values.reshape(2, 3)),
    ):
        x = ours.from_numpy(array)
        copied, again = copy.deepcopy([x, x[:1]])
        np.testing.assert_array_equal(copied.numpy(), array)
        copied.zero_()
        assert not again.any() and values.tolist() == list(range(6))


def test_a_copy_looks_at_the_same_memory_and_its_changes_are_noticed():
    x = ours.ones(3)
    y = copy.copy(x)
    y.add_(1)
    assert x.tolist() == [2, 2, 2] and x._version == y._version == 1
    w = ours.ones(3, requires_grad=True)
    z = (w * x).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


@pytest.mark.parametrize("t", [torch, ours])
def test_results_of_recorded_operations(t):
    """A copy of one is a leaf; a deep copy is refused."""
    x = t.ones(2, requires_grad=True)
    y = x * 2
    y.tag = 1
    copied = copy.copy(y)
    assert copied.is_leaf and copied.requires_grad and copied.tag == 1 and copied.tolist() == [2, 2]
    copied.sum().backward()
    assert x.grad is None
    with pytest.raises(RuntimeError):
        copy.deepcopy(y)


@pytest.mark.parametrize("t", [ours, torch])
def test_a_recorded_result_is_stored_as_a_leaf(t):
    """As people put the last loss into a checkpoint."""
    loss = (t.ones(2, requires_grad=True) * 2).sum()
    file = io.BytesIO()
    t.save({"loss": loss, "of all": [loss, loss.detach()]}, file)
    loaded = t.load(io.BytesIO(file.getvalue()))
    for stored in (pickle.loads(pickle.dumps(loss)), loaded["loss"], loaded["of all"][0]):
        assert stored.is_leaf and stored.requires_grad and stored.item() == 4
    assert not loaded["of all"][1].requires_grad


def test_an_attribute_that_refers_to_the_tensor_itself():
    x = ours.ones(2)
    x.me = [x]
    for copied in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert copied.me[0] is copied


@pytest.mark.parametrize("way", [copy.deepcopy, WAYS["pickle"]])
def test_modules_keep_attributes_ties_and_kinds(way):
    shared = ours.nn.Linear(3, 3)
    model = ours.nn.Sequential(shared, ours.nn.BatchNorm1d(3), shared, ours.nn.Linear(3, 3))
    model[3].weight = shared.weight
    model[3].weight.tag, model.note, model[1].running_mean.tag = "tied", {"a": 1}, "mean"
    copied = way(model)
    assert copied[0] is copied[2] and copied[3].weight is copied[0].weight is not shared.weight
    assert copied[0].weight.tag == "tied" and copied.note == {"a": 1} and copied[1].running_mean.tag == "mean"
    assert type(copied[0].weight) is ours.nn.Parameter
    assert [type(b) for b in copied.buffers()] == [type(b) for b in model.buffers()]
    x = ours.rand(4, 3)
    np.testing.assert_array_equal(copied(x).detach().numpy(), model(x).detach().numpy())


@pytest.mark.parametrize("way", [copy.deepcopy, WAYS["pickle"]])
@pytest.mark.parametrize("kind", [ours.optim.SGD, ours.optim.Adam])
def test_a_model_and_its_optimizer_stay_one_pair(way, kind):
    """Copied together they train together, and as the originals would."""
    model = ours.nn.Linear(3, 2)
    optimizer = kind(model.parameters(), lr=0.1, **({"momentum": 0.9} if kind is ours.optim.SGD else {}))
    x = ours.arange(12.0).reshape(4, 3)

    def step(model, optimizer):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()

    step(model, optimizer)
    copied, of_copied = way((model, optimizer))
    assert of_copied.param_groups[0]["params"][0] is copied.weight
    assert list(of_copied.state) == list(copied.parameters())
    for _ in range(3):
        step(model, optimizer)
        step(copied, of_copied)
    for p, q in zip(model.parameters(), copied.parameters()):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
