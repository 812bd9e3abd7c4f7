"""What is a view of its input's memory, and what is a copy: as PyTorch has it, for every function that may be
one.

Each case is computed by both; then the result is changed in place. Both must agree in whether the memory is
shared, in what the change did to the input, and in whether the change is refused (as of an expanded tensor).
"""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

CASES = {
    "view_-1": lambda t, x: x.view(-1),
    "view dtype": lambda t, x: x.view(t.int64),
    "view same": lambda t, x: x.view(3, 4),
    "view_as": lambda t, x: x.view_as(t.zeros(2, 6)),
    "reshape": lambda t, x: x.reshape(2, 6),
    "reshape same": lambda t, x: x.reshape(3, 4),
    "reshape of t": lambda t, x: x.t().reshape(-1),
    "reshape_as": lambda t, x: x.reshape_as(t.zeros(2, 6)),
    "flatten": lambda t, x: x.flatten(),
    "flatten 1d": lambda t, x: x[0].flatten(),
    "flatten of t": lambda t, x: x.t().flatten(),
    "flatten 0d": lambda t, x: x[0, 0].flatten(),
    "ravel": lambda t, x: x.ravel(),
    "ravel t": lambda t, x: x.t().ravel(),
    "unflatten": lambda t, x: x.unflatten(1, (2, 2)),
    "expand": lambda t, x: x.expand(2, 3, 4),
    "expand same": lambda t, x: x.expand(3, 4),
    "expand -1": lambda t, x: x.expand(-1, -1),
    "expand lead1": lambda t, x: x.expand(1, 3, 4),
    "expand_as": lambda t, x: x.expand_as(t.zeros(2, 3, 4)),
    "broadcast_to": lambda t, x: t.broadcast_to(x, (2, 3, 4)),
    "broadcast_to same": lambda t, x: t.broadcast_to(x, (3, 4)),
    "broadcast_to 1": lambda t, x: t.broadcast_to(x, (1, 3, 4)),
    "broadcast_tensors": lambda t, x: t.broadcast_tensors(x, t.zeros(1, 4))[0],
    "broadcast_tensors2": lambda t, x: t.broadcast_tensors(x[:1], t.zeros(3, 4))[0],
    "meshgrid ij": lambda t, x: t.meshgrid(x[0], x[1], indexing="ij")[0],
    "meshgrid xy": lambda t, x: t.meshgrid(x[0], x[1], indexing="xy")[1],
    "meshgrid one": lambda t, x: t.meshgrid(x[0], indexing="ij")[0],
    "diagonal": lambda t, x: x.diagonal(),
    "diagonal off": lambda t, x: t.diagonal(x, 1),
    "diag of matrix": lambda t, x: t.diag(x),
    "diag method off": lambda t, x: x.diag(-1),
    "diag of vector": lambda t, x: x[0].diag(),
    "diag_embed": lambda t, x: t.diag_embed(x),
    "narrow": lambda t, x: x.narrow(0, 1, 2),
    "select": lambda t, x: x.select(0, 1),
    "split": lambda t, x: x.split(2)[0],
    "split sizes": lambda t, x: x.split([1, 2])[1],
    "split all": lambda t, x: x.split(3)[0],
    "split_with_sizes": lambda t, x: x.split_with_sizes([1, 2])[0],
    "chunk": lambda t, x: x.chunk(2)[0],
    "chunk 1": lambda t, x: x.chunk(1)[0],
    "unbind": lambda t, x: x.unbind()[0],
    "tensor_split": lambda t, x: x.tensor_split(2)[0],
    "tensor_split1": lambda t, x: x.tensor_split(1)[0],
    "hsplit": lambda t, x: t.hsplit(x, 2)[0],
    "vsplit": lambda t, x: t.vsplit(x, 3)[0],
    "dsplit": lambda t, x: t.dsplit(x.reshape(1, 3, 4), 2)[0],
    "hsplit 1": lambda t, x: t.hsplit(x, 1)[0],
    "iter": lambda t, x: next(iter(x)),
    "squeeze": lambda t, x: x.reshape(1, 3, 4).squeeze(),
    "squeeze none": lambda t, x: x.squeeze(),
    "squeeze dim": lambda t, x: x.squeeze(0),
    "squeeze dims": lambda t, x: x.squeeze((0, 1)),
    "unsqueeze": lambda t, x: x.unsqueeze(0),
    "movedim": lambda t, x: t.movedim(x, 0, 1),
    "movedim same": lambda t, x: x.movedim(0, 0),
    "moveaxis": lambda t, x: t.moveaxis(x, 0, 1),
    "swapaxes": lambda t, x: t.swapaxes(x, axis0=0, axis1=1),
    "swapdims": lambda t, x: x.swapdims(0, 1),
    "transpose": lambda t, x: x.transpose(0, 1),
    "transpose same": lambda t, x: x.transpose(0, 0),
    "permute": lambda t, x: x.permute(1, 0),
    "permute same": lambda t, x: x.permute(0, 1),
    "t": lambda t, x: x.t(),
    "t 1d": lambda t, x: x[0].t(),
    "T": lambda t, x: x.T,
    "mT": lambda t, x: x.mT,
    "H": lambda t, x: x.H,
    "mH": lambda t, x: x.mH,
    "adjoint": lambda t, x: x.adjoint(),
    "real": lambda t, x: t.real(x),
    "real attr": lambda t, x: x.real,
    "conj": lambda t, x: x.conj(),
    "positive": lambda t, x: t.positive(x),
    "pos": lambda t, x: +x,
    "to same": lambda t, x: x.to(t.float64),
    "to copy": lambda t, x: x.to(t.float64, copy=True),
    "to cpu": lambda t, x: x.to("cpu"),
    "to other": lambda t, x: x.to(t.float32),
    "double": lambda t, x: x.double(),
    "float": lambda t, x: x.float(),
    "type": lambda t, x: x.type(t.float64),
    "type_as": lambda t, x: x.type_as(x),
    "cpu": lambda t, x: x.cpu(),
    "contiguous": lambda t, x: x.contiguous(),
    "contiguous t": lambda t, x: x.t().contiguous(),
    "clone": lambda t, x: x.clone(),
    "detach": lambda t, x: x.detach(),
    "data": lambda t, x: x.data,
    "tensor": lambda t, x: t.tensor(x),
    "atleast_1d": lambda t, x: t.atleast_1d(x),
    "atleast_1d 0d": lambda t, x: t.atleast_1d(x[0, 0]),
    "atleast_2d": lambda t, x: t.atleast_2d(x[0]),
    "atleast_3d": lambda t, x: t.atleast_3d(x),
    "atleast_3d same": lambda t, x: t.atleast_3d(x[None]),
    "unfold": lambda t, x: x.unfold(0, 2, 2),
    "F.unfold": lambda t, x: t.nn.functional.unfold(x.reshape(1, 1, 3, 4), (1, 1)),
    "tile 1": lambda t, x: t.tile(x, (1, 1)),
    "tile": lambda t, x: x.tile(2),
    "repeat": lambda t, x: x.repeat(1, 1),
    "repeat2": lambda t, x: x.repeat(2, 1),
    "repeat_interleave": lambda t, x: x.repeat_interleave(1),
    "flip": lambda t, x: t.flip(x, (0,)),
    "flip none": lambda t, x: t.flip(x, ()),
    "fliplr": lambda t, x: t.fliplr(x),
    "flipud": lambda t, x: t.flipud(x),
    "rot90": lambda t, x: t.rot90(x),
    "rot90 0": lambda t, x: t.rot90(x, 0),
    "rot90 4": lambda t, x: t.rot90(x, 4),
    "roll": lambda t, x: t.roll(x, 1),
    "roll 0": lambda t, x: t.roll(x, 0),
    "roll 0 dim": lambda t, x: t.roll(x, 0, 0),
    "index int": lambda t, x: x[1],
    "index neg": lambda t, x: x[-1],
    "index 0d": lambda t, x: x[1, 2],
    "slice": lambda t, x: x[1:],
    "slice all": lambda t, x: x[:],
    "slice step": lambda t, x: x[:, ::2],
    "ellipsis": lambda t, x: x[...],
    "None": lambda t, x: x[None],
    "empty tuple": lambda t, x: x[()],
    "list": lambda t, x: x[[0, 1]],
    "list all": lambda t, x: x[[0, 1, 2]],
    "bool mask": lambda t, x: x[x > 3],
    "bool list": lambda t, x: x[[True, False, True]],
    "True": lambda t, x: x[True],
    "int tensor": lambda t, x: x[t.tensor([0, 1])],
    "0d int tensor": lambda t, x: x[t.tensor(1)],
    "np int": lambda t, x: x[np.int64(1)],
    "0d np": lambda t, x: x[np.array(1)],
    "slice+list": lambda t, x: x[1:, [0]],
    "range": lambda t, x: x[range(2)],
    "take": lambda t, x: t.take(x, t.tensor([0])),
    "take_along_dim": lambda t, x: t.take_along_dim(x, t.tensor([[0]]), 1),
    "gather": lambda t, x: x.gather(0, t.tensor([[0, 0, 0, 0]])),
    "index_select": lambda t, x: x.index_select(0, t.tensor([0, 1, 2])),
    "masked_select": lambda t, x: x.masked_select(x > 3),
    "where": lambda t, x: t.where(x > -1, x, x),
    "masked_fill": lambda t, x: x.masked_fill(x < 0, 1),
    "index_fill": lambda t, x: x.index_fill(0, t.tensor([], dtype=t.int64), 1),
    "tril": lambda t, x: t.tril(x, 10),
    "triu": lambda t, x: t.triu(x, -10),
    "clamp": lambda t, x: x.clamp(-1e9, 1e9),
    "add0": lambda t, x: x + 0,
    "mul1": lambda t, x: x * 1,
    "div1": lambda t, x: x / 1,
    "pow1": lambda t, x: x**1,
    "add alpha": lambda t, x: t.add(x, 0, alpha=0),
    "neg": lambda t, x: -x,
    "sum dim ()": lambda t, x: x.reshape(3, 4, 1).sum(2),
    "sum keep": lambda t, x: x.reshape(3, 4, 1).sum(2, keepdim=True),
    "mean1": lambda t, x: x.reshape(3, 4, 1).mean(2),
    "max1": lambda t, x: x.reshape(3, 4, 1).max(2).values,
    "amax1": lambda t, x: x.reshape(3, 4, 1).amax(2),
    "cumsum1": lambda t, x: x.reshape(1, 12).cumsum(0),
    "cumprod1": lambda t, x: x.reshape(1, 12).cumprod(0),
    "prod1": lambda t, x: x.reshape(3, 4, 1).prod(2),
    "logsumexp1": lambda t, x: x.reshape(3, 4, 1).logsumexp(2),
    "sort": lambda t, x: x.sort().values,
    "topk all": lambda t, x: x.topk(4).values,
    "median": lambda t, x: x.reshape(3, 4, 1).median(2).values,
    "sum 0d": lambda t, x: x[0, 0].sum(),
    "max 0d": lambda t, x: x[0, 0].max(),
    "min 0d": lambda t, x: x[0, 0].min(),
    "squeeze 0d": lambda t, x: x[0, 0].squeeze(),
    "mean 0d": lambda t, x: x[0, 0].mean(),
    "cumsum 0d": lambda t, x: x[0, 0].cumsum(0),
    "flip 0d": lambda t, x: x[0, 0].flip(()),
    "sort 0d": lambda t, x: x[0, 0].sort().values,
    "trace": lambda t, x: x[:1, :1].trace(),
    "cat one": lambda t, x: t.cat([x]),
    "cat with empty": lambda t, x: t.cat([x, t.zeros(0, dtype=t.float64)]),
    "stack one": lambda t, x: t.stack([x]),
    "hstack": lambda t, x: t.hstack([x]),
    "vstack": lambda t, x: t.vstack([x]),
    "concat": lambda t, x: t.concat([x]),
    "dropout eval": lambda t, x: t.nn.functional.dropout(x, 0.5, training=False),
    "dropout p0": lambda t, x: t.nn.functional.dropout(x, 0.0),
    "pad 0": lambda t, x: t.nn.functional.pad(x, (0, 0)),
    "pad empty": lambda t, x: t.nn.functional.pad(x, ()),
    "relu": lambda t, x: t.relu(x),
    "Identity": lambda t, x: t.nn.Identity()(x),
    "Flatten": lambda t, x: t.nn.Flatten()(x),
    "Unflatten": lambda t, x: t.nn.Unflatten(1, (2, 2))(x),
    "Dropout eval": lambda t, x: t.nn.Dropout().eval()(x),
    "Sequential()": lambda t, x: t.nn.Sequential()(x),
    "max_pool 1": lambda t, x: t.nn.functional.max_pool1d(x[None], 1),
    "avg_pool 1": lambda t, x: t.nn.functional.avg_pool1d(x[None], 1),
    "adaptive same": lambda t, x: t.nn.functional.adaptive_avg_pool1d(x[None], 4),
    "adaptive max same": lambda t, x: t.nn.functional.adaptive_max_pool1d(x[None], 4),
    "einsum diag": lambda t, x: t.einsum("ij->ji", x),
    "einsum ii": lambda t, x: t.einsum("ii->i", x[:, :3]),
    "einsum id": lambda t, x: t.einsum("ij->ij", x),
    "masked_scatter": lambda t, x: x.masked_scatter(x < 0, x),
    "scatter none": lambda t, x: x.scatter(0, t.zeros(0, 4, dtype=t.int64), x),
    "index_add": lambda t, x: x.index_add(0, t.tensor([], dtype=t.int64), x[:0]),
    "put": lambda t, x: x.put(t.tensor([], dtype=t.int64), x[0, :0]),
    "numpy": lambda t, x: t.from_numpy(x.numpy()),
    "np.asarray": lambda t, x: t.from_numpy(np.asarray(x)),
    "np.array": lambda t, x: t.from_numpy(np.array(x.numpy())),
    "new_tensor": lambda t, x: x.new_tensor(x),
    "dlpack": lambda t, x: t.from_numpy(np.from_dlpack(x)),
    "maximum self": lambda t, x: t.maximum(x, x),
    "subtract 0": lambda t, x: t.subtract(x, 0),
    "fmod": lambda t, x: t.fmod(x, 1e9),
    "trunc": lambda t, x: x.trunc(),
    "ceil": lambda t, x: x.ceil(),
    "hardtanh": lambda t, x: t.nn.functional.hardtanh(x, -1e9, 1e9),
    "lerp 0": lambda t, x: t.lerp(x, x, 0.0),
    "msort": lambda t, x: t.msort(x),
    "nn.Flatten(0)": lambda t, x: t.nn.Flatten(0)(x),
    "fold": lambda t, x: t.nn.functional.fold(x.reshape(1, 1, 12), (3, 4), (1, 1)),
    "as_tensor": lambda t, x: t.as_tensor(x),
}

COMPLEX = {
    "real": lambda t, x: t.real(x),
    "imag": lambda t, x: t.imag(x),
    "real attr": lambda t, x: x.real,
    "imag attr": lambda t, x: x.imag,
    "view_as_real": lambda t, x: t.view_as_real(x),
    "T": lambda t, x: x.T,
    "positive": lambda t, x: +x,
    "view_as_complex": lambda t, x: t.view_as_complex(t.view_as_real(x)),
    "to": lambda t, x: x.to(t.complex128),
    "cdouble": lambda t, x: x.cdouble(),
}


def numbers(t, shape):
    return t.arange(int(np.prod(shape)), dtype=t.float64).reshape(shape)


def change(y):
    """Another value everywhere; False if PyTorch's rule forbids it."""
    try:
        if y.dtype in (torch.bool, np.bool_):
            y.logical_not_()
        else:
            y.add_(1)
    except RuntimeError as error:
        assert "single memory location" in str(error)
        return False
    return True


def outcome(t, case, make):
    """Whether memory is shared, whether the change was made, and what then is in the input and the result."""
    x = make(t)
    y = case(t, x)
    shared = y is x or np.may_share_memory(x.numpy(), y.numpy())
    changed = change(y)
    return shared, changed, x.numpy(), y.numpy()


def agree(case, make):
    expected, found = outcome(torch, case, make), outcome(ours, case, make)
    assert found[:2] == expected[:2]
    for e, f in zip(expected[2:], found[2:]):
        assert f.dtype == e.dtype
        np.testing.assert_array_equal(f, e)


@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")  # PyTorch's, of torch.tensor(tensor)
@pytest.mark.parametrize("name", CASES)
def test_view_or_copy(name):
    agree(CASES[name], lambda t: numbers(t, (3, 4)))


@pytest.mark.parametrize("name", COMPLEX)
def test_view_or_copy_of_complex_numbers(name):
    agree(COMPLEX[name], lambda t: t.complex(numbers(t, (3, 4)), numbers(t, (3, 4))))


@pytest.mark.parametrize("name", ["conj", "mH", "adjoint"])
def test_a_conjugate_is_a_copy(name):
    """NumPy has no conjugate that is a view; PyTorch's is one. Values agree, and the input never changes."""

    def conjugate(t):
        x = t.tensor([[1 + 2j, 3j]])
        return x, x.mH if name == "mH" else getattr(x, name)()

    x, y = conjugate(ours)
    np.testing.assert_array_equal(y.numpy(), conjugate(torch)[1].resolve_conj().numpy())
    y.add_(1)
    np.testing.assert_array_equal(x.numpy(), np.array([[1 + 2j, 3j]], np.complex64))


SIZES = [(0, 4), (3, 0), (1, 1), (1, 4), (3, 1)]
OF_ANY_SIZE = {
    name: CASES[name]
    for name in (
        "diag of matrix", "diag method off", "diagonal", "flatten", "ravel", "squeeze none", "tril", "t", "T",
        "contiguous t", "flip", "roll", "cat one", "reshape of t", "index neg", "list", "tile 1", "detach",
    )
} | {"expand": lambda t, x: x.expand(1, *x.shape), "unbind": lambda t, x: x.unbind(1)[0]}  # fmt: skip


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("name", OF_ANY_SIZE)
def test_small_and_empty_ones(name, shape):
    case = OF_ANY_SIZE[name]
    try:
        outcome(torch, case, lambda t: numbers(t, shape))
    except IndexError:  # there is no such element
        with pytest.raises(IndexError):
            case(ours, numbers(ours, shape))
    else:
        agree(case, lambda t: numbers(t, shape))


def test_gradients_of_the_diagonal_that_is_a_copy():
    """The copy may be changed in place while its gradient still goes to the diagonal alone."""
    for t in (torch, ours):
        x = t.ones(2, 3, dtype=t.float64, requires_grad=True)
        y = t.diag(x, 1)
        y *= 3
        (y * y).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [[0, 18, 0], [0, 0, 18]])


def test_a_view_that_repeats_nothing_is_followed_in_place():
    for t in (torch, ours):
        x = t.ones(3, dtype=t.float64, requires_grad=True)
        y = x * 2
        y.expand(1, 3).mul_(5)
        (y * y).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [200.0] * 3)
