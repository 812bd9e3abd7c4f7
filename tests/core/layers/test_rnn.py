"""Recurrent layers and cells against PyTorch's with the same parameters, in float64: values, gradients,
second gradients, packed and single sequences, states, errors."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.operations.nn import lstm as lstm_module
from cnn_physics77.core.operations.nn.recurrent import by_steps

LAYERS = [
    ("LSTM", (3, 4), {}),
    ("LSTM", (3, 4, 2), {"bias": False, "batch_first": True}),
    ("LSTM", (3, 4, 2), {"bidirectional": True, "proj_size": 2}),
    ("GRU", (3, 4), {"batch_first": True, "bidirectional": True}),
    ("GRU", (3, 4, 3), {"bias": False}),
    ("RNN", (3, 4, 2), {"bidirectional": True}),
    ("RNN", (3, 4), {"nonlinearity": "relu", "bias": False}),
]
CELLS = [
    ("LSTMCell", (3, 4), {}),
    ("GRUCell", (3, 4), {"bias": False}),
    ("GRUCell", (3, 4), {}),
    ("RNNCell", (3, 4), {}),
    ("RNNCell", (3, 4), {"nonlinearity": "relu", "bias": False}),
]


def flat(value):
    if isinstance(value, (tuple, list)):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def pair_of(name, arguments, settings):
    torch.manual_seed(0)
    made = [getattr(module.nn, name)(*arguments, **settings).double() for module in (ours, torch)]
    assert repr(made[0]) == repr(made[1])
    assert list(made[0].state_dict()) == list(made[1].state_dict())
    made[0].load_state_dict(made[1].state_dict())
    return made


def run(module, layer, arrays, call, second):
    """The outputs, the gradients, and with ``second`` the gradients of the gradients."""
    tensors = [module.from_numpy(a.copy()).requires_grad_() for a in arrays]
    outputs = [o for o in flat(call(module, layer, *tensors)) if o.requires_grad]
    variables = [*tensors, *layer.parameters()]
    rng = np.random.default_rng(5)
    seeds = [module.from_numpy(rng.normal(size=tuple(o.shape))).requires_grad_() for o in outputs]
    found = module.autograd.grad(outputs, variables, seeds, create_graph=second, allow_unused=True)
    results = [*outputs, *found]
    if second:
        kept = [f for f in found if f is not None and f.requires_grad]
        weights = [module.from_numpy(rng.normal(size=tuple(f.shape))) for f in kept]
        results += module.autograd.grad(kept, [*variables, *seeds], weights, allow_unused=True)
    return [None if r is None else r.detach().numpy() for r in results]


def compare(layers, arrays, call, second=False):
    found, wanted = (run(module, layer, arrays, call, second) for module, layer in zip((ours, torch), layers))
    for a, b in zip(found, wanted, strict=True):
        if a is None or b is None:
            assert (a is None or not a.any()) and (b is None or not b.any())
        else:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def states_of(layer, batch):
    """Initial states as arrays."""
    rng = np.random.default_rng(3)
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    sizes = [layer.proj_size or layer.hidden_size, layer.hidden_size][: 2 if layer.mode == "LSTM" else 1]
    return [rng.normal(size=(count, *batch, size)) for size in sizes]


def with_states(module, layer, x, *states):
    return layer(x, states if len(states) > 1 else states[0])


@pytest.mark.parametrize(("name", "arguments", "settings"), LAYERS)
def test_values_and_gradients(name, arguments, settings):
    layers = pair_of(name, arguments, settings)
    x = np.random.default_rng(1).normal(size=(3, 2, 3))
    batch = x.shape[0 if settings.get("batch_first") else 1]
    compare(layers, [x], lambda module, layer, x: layer(x))
    compare(layers, [x, *states_of(layers[0], (batch,))], with_states, second=True)
    compare(layers, [x[0]], lambda module, layer, x: layer(x))
    compare(layers, [x[0], *states_of(layers[0], ())], with_states)
    assert layers[0](ours.from_numpy(x))[0].stride() == layers[1](torch.from_numpy(x))[0].stride()


def packed(enforce_sorted):
    lengths = [4, 2, 2, 1] if enforce_sorted else [2, 4, 1, 2]

    def call(module, layer, x, *states):
        tools = module.nn.utils.rnn
        given = tools.pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted)
        hx = () if not states else (states if len(states) > 1 else states[0],)
        y, last = layer(given, *hx)
        assert isinstance(y, tools.PackedSequence) and y.batch_sizes.tolist() == [4, 3, 1, 1]
        padded, found = tools.pad_packed_sequence(y, layer.batch_first)
        assert found.tolist() == lengths
        return y.data, padded, last

    return call


@pytest.mark.parametrize(("name", "arguments", "settings"), LAYERS)
def test_packed_sequences(name, arguments, settings):
    layers = pair_of(name, arguments, settings)
    x = np.random.default_rng(1).normal(size=(4, 4, 3))
    compare(layers, [x], packed(True))
    compare(layers, [x, *states_of(layers[0], (4,))], packed(False), second=True)


@pytest.mark.parametrize(("name", "arguments", "settings"), CELLS)
def test_cells(name, arguments, settings):
    layers = pair_of(name, arguments, settings)
    rng = np.random.default_rng(1)
    count = 2 if name == "LSTMCell" else 1
    for batch in ((2,), ()):
        x, *states = rng.normal(size=(*batch, 3)), *(rng.normal(size=(*batch, 4)) for _ in range(count))
        compare(layers, [x], lambda module, layer, x: layer(x))
        compare(layers, [x, *states], with_states, second=batch == (2,))


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_a_layer_is_its_cell_step_by_step(name):
    layer = getattr(ours.nn, name)(3, 4).double()
    cell = getattr(ours.nn, f"{name}Cell")(3, 4).double()
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    x = ours.randn(5, 2, 3, dtype=ours.float64)
    y, _ = layer(x)
    state = None
    for t in range(5):
        state = cell(x[t], state)
        h = state[0] if name == "LSTM" else state
        np.testing.assert_allclose(h.numpy(force=True), y[t].numpy(force=True), rtol=1e-12)


def test_the_fused_layer_is_the_plain_one():
    """What the second derivatives are made of, and reverse packed sequences of lengths 3, 2, 1."""
    rng = np.random.default_rng(0)
    x, h, c, w = (ours.from_numpy(rng.normal(size=s)) for s in ((6, 8), (3, 2), (3, 2), (8, 2)))

    def step(x, h, c):
        return lstm_module._step(x + h @ w.mT, c, None)

    for reverse in (False, True):
        plain = by_steps(step, x, (h, c), (3, 2, 1), reverse)
        eye = ours.eye(8, dtype=ours.float64)
        fused, _, _ = lstm_module._lstm(x, h, c, eye, w, None, None, sizes=(3, 2, 1), reverse=reverse)
        for a, b in zip(plain, fused, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_dropout_is_between_the_layers_and_in_training_only():
    ours.manual_seed(0)
    layer = ours.nn.LSTM(3, 50, num_layers=2, dropout=1.0)
    first = ours.nn.LSTM(3, 50)
    first.load_state_dict({k: v for k, v in layer.state_dict().items() if k.endswith("_l0")})
    x = ours.randn(4, 2, 3)
    y, (h, _) = layer(x)
    assert ours.equal(h[0], first(x)[1][0][0])  # no zeros in the states
    assert ours.allclose(y[:, 0], y[:, 1]) and (y != 0).all()  # the second layer sees only zeros
    layer.eval()
    assert not ours.allclose(layer(x)[0][:, 0], layer(x)[0][:, 1])
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        ours.nn.GRU(3, 4, dropout=0.5)


def test_initial_values_and_the_flat_list():
    layer = ours.nn.LSTM(10, 400, num_layers=2, bidirectional=True)
    for p in layer.parameters():
        assert 0.9 / 20 < abs(p).max() <= 1 / 20
    names = [n for n, _ in layer.named_parameters()]
    assert layer._flat_weights_names == names and layer.flatten_parameters() is None
    assert all(a is b for a, b in zip(layer._flat_weights, layer.parameters(), strict=True))
    assert [len(w) for w in layer.all_weights] == [4] * 4
    layer.weight_hh_l0 = ours.nn.Parameter(ours.zeros(1600, 400))
    assert layer._flat_weights[1] is layer.weight_hh_l0
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert ours.equal(copied.weight_hh_l1_reverse, layer.weight_hh_l1_reverse)


def test_saturated_gates_have_finite_gradients():
    for name in ("LSTM", "GRU"):
        layer = getattr(ours.nn, name)(1, 1)
        for value in (-1e4, 1e4):
            y, _ = layer(ours.full((3, 1, 1), value))
            y.sum().backward()
        assert all(p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_half_precision_is_computed_in_single(name):
    layer, x = getattr(ours.nn, name)(3, 4, bias=False).half(), ours.randn(20, 2, 3).half()
    y, _ = layer(x)
    y.sum().backward()
    assert y.dtype == layer.weight_hh_l0.grad.dtype == ours.float16
    assert ours.equal(y, copy.deepcopy(layer).float()(x.float())[0].half())


def test_not_a_number_stays():
    for name, settings in (("LSTM", {}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})):
        y, _ = getattr(ours.nn, name)(1, 2, **settings)(ours.tensor([[[ours.nan]], [[1.0]]]))
        assert y.isnan().all()


def attempts(module):
    nn, zeros, tools = module.nn, module.zeros, module.nn.utils.rnn
    lstm, gru, cell = nn.LSTM(3, 4), nn.GRU(3, 4), nn.LSTMCell(3, 4)
    return {
        "input size": lambda: lstm(zeros(2, 3, 5)),
        "input dimensions": lambda: lstm(zeros(3)),
        "batch of a state": lambda: lstm(zeros(2, 3, 3), (zeros(1, 2, 4), zeros(1, 3, 4))),
        "size of c": lambda: lstm(zeros(2, 3, 3), (zeros(1, 3, 4), zeros(1, 3, 5))),
        "dimensions of the states": lambda: gru(zeros(2, 3, 3), zeros(3, 4)),
        "states of a single one": lambda: gru(zeros(2, 3), zeros(1, 1, 4)),
        "no steps": lambda: lstm(zeros(0, 3, 3)),
        "dtype": lambda: lstm(zeros(2, 3, 3).double()),
        "dropout": lambda: nn.LSTM(3, 4, dropout=1.5),
        "projection": lambda: nn.LSTM(3, 4, proj_size=4),
        "nonlinearity": lambda: nn.RNN(3, 4, nonlinearity="sigmoid"),
        "hidden size": lambda: nn.LSTM(3, 0),
        "layers": lambda: nn.GRU(3, 4, num_layers=0),
        "kind of a size": lambda: nn.GRU(3, 4.0),
        "mode": lambda: nn.RNNBase("LSTMS", 3, 4),
        "cell's input": lambda: cell(zeros(2, 2)),
        "cell's dimensions": lambda: cell(zeros(2, 3, 3)),
        "cell's batch": lambda: cell(zeros(2, 3), (zeros(3, 4), zeros(3, 4))),
        "cell's nonlinearity": lambda: nn.RNNCell(3, 4, nonlinearity="x")(zeros(2, 3)),
        "not sorted": lambda: tools.pack_padded_sequence(zeros(3, 2), [2, 3]),
        "length zero": lambda: tools.pack_padded_sequence(zeros(3, 2), [2, 0]),
        "number of lengths": lambda: tools.pack_padded_sequence(zeros(3, 2), [2]),
        "nothing to pack": lambda: tools.pack_padded_sequence(zeros(3, 0), []),
        "total length": lambda: tools.pad_packed_sequence(tools.pack_sequence([zeros(3)]), total_length=2),
        "side": lambda: tools.pad_sequence([zeros(3)], padding_side="top"),
        "no sequences": lambda: tools.pad_sequence([]),
    }


@pytest.mark.parametrize("what", attempts(ours))
def test_errors_are_pytorchs(what):
    with pytest.raises((ValueError, RuntimeError, TypeError, IndexError)) as wanted:
        attempts(torch)[what]()
    with pytest.raises(wanted.type):
        attempts(ours)[what]()


def test_no_sequences_in_a_batch():
    for name, settings in itertools.product(("LSTM", "GRU", "RNN"), ({}, {"bidirectional": True})):
        layers = pair_of(name, (3, 4), settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compare(layers, [np.zeros((2, 0, 3))], lambda module, layer, x: layer(x))


def test_a_captured_step_of_a_recurrent_network():
    ours.manual_seed(1)
    network = ours.nn.LSTM(3, 4, num_layers=2)
    optimizer = ours.optim.SGD(network.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = network(x)[0].square().mean()
        loss.backward()
        optimizer.step()
        return loss

    same = copy.deepcopy(network)
    captured = ours.compile(step)
    x = [ours.randn(5, 2, 3) for _ in range(6)]
    losses = [captured(batch).item() for batch in x]
    network, optimizer = same, ours.optim.SGD(same.parameters(), lr=0.1)
    np.testing.assert_allclose(losses, [step(batch).item() for batch in x], rtol=1e-6)
