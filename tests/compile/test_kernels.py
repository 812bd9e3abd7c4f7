"""Kernels with several ways to compute: each of them in a captured function, in float32 and float64."""

import numpy as np
import pytest

import cnn_physics77 as torch
import cnn_physics77.nn as nn
import cnn_physics77.nn.functional as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.convolution.dispatch import ALGORITHMS, override

DTYPES = [torch.float32, torch.float64]


def random(rng, *shape, dtype=torch.float64):
    return torch.from_numpy(rng.normal(size=shape)).to(dtype)


def agree(step, make, replays, calls: int = 6) -> None:
    """Raise unless the captured step gives the bits of the step for the arguments ``make(seed)``."""
    captured = torch.compile(step, fullgraph=True)
    for seed in range(calls):
        arguments = make(np.random.default_rng(seed))
        torch.manual_seed(seed)
        expected = step(*arguments)
        torch.manual_seed(seed)
        found = captured(*arguments)
        for index, (a, b) in enumerate(zip(expected, found, strict=True)):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.array, b.array, err_msg=f"result {index} of call {seed}")
    assert replays.count == calls - 3


def differentiated(function):
    """A function of constants that returns the function's result and its gradients."""

    def step(*inputs):
        variables = [x.detach().requires_grad_(True) for x in inputs]
        y = function(*variables)
        gradients = torch.autograd.grad((y * y).sum(), variables)
        return y.detach(), *[g.detach() for g in gradients]

    return step


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", [algorithm.name for algorithm in ALGORITHMS])
def test_convolution(name, channels_last, dtype, replays):
    groups = 6 if name == "depthwise" else 2 if name == "by_group" else 1
    kernel = (5, 1) if "5x1)" in name else (3, 1) if "3x1)" in name else (3, 3)

    def make(rng):
        x = random(rng, 3, 6, 19, 17, dtype=dtype)
        x = x.to(memory_format=torch.channels_last) if channels_last else x
        return x, random(rng, 6, 6 // groups, *kernel, dtype=dtype), random(rng, 6, dtype=dtype)

    padding = tuple(n // 2 for n in kernel)
    with override(name):
        agree(differentiated(lambda x, w, b: F.conv2d(x, w, b, 1, padding, 1, groups)), make, replays)


def test_winograd_of_values_that_differ_too_much(replays):
    """Some strips are computed exactly; which ones depends on the values of each call."""

    def make(rng):
        x = random(rng, 2, 8, 24, 24, dtype=torch.float32)
        x.array[rng.integers(2), :, rng.integers(24), rng.integers(24)] *= np.float32(1e9)
        return x, random(rng, 8, 8, 3, 3, dtype=torch.float32)

    for name in ("F(4x4, 3x3)", "F(6x1, 3x1)"):
        replays.count = 0
        with override(name):
            agree(differentiated(lambda x, w: F.conv2d(x, w, padding=1)), make, replays)


@pytest.mark.parametrize("stride, dilation", [(2, 1), (1, 2), (3, 1)])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_strided_convolution(d, stride, dilation, replays):
    def make(rng):
        size = (11, 10, 9)[:d]
        return random(rng, 2, 4, *size), random(rng, 6, 4, *(3,) * d), random(rng, 6)

    function = (F.conv1d, F.conv2d, F.conv3d)[d - 1]
    agree(differentiated(lambda x, w, b: function(x, w, b, stride, 1, dilation)), make, replays)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_transposed_convolution(d, replays):
    def make(rng):
        return random(rng, 2, 4, *(5, 6, 4)[:d]), random(rng, 4, 3, *(3,) * d), random(rng, 3)

    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[d - 1]
    agree(differentiated(lambda x, w, b: function(x, w, b, 2, 1, 1)), make, replays)


NORMS = {
    "batch": lambda: nn.BatchNorm2d(6),
    "batch, cumulative": lambda: nn.BatchNorm2d(6, momentum=0.3, affine=False),
    "batch, without statistics": lambda: nn.BatchNorm2d(6, track_running_stats=False),
    "layer": lambda: nn.LayerNorm((6, 9, 8)),
    "layer, last": lambda: nn.LayerNorm(8),
    "group": lambda: nn.GroupNorm(3, 6),
    "instance": lambda: nn.InstanceNorm2d(6, affine=True, track_running_stats=True),
    "rms": lambda: nn.RMSNorm(8),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layout", ["nchw", "nhwc", "large mean"])
@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", NORMS)
def test_normalization(name, dtype, layout, training, replays):
    """Each call of the layer and of the captured one changes the running statistics of its own copy."""
    layers = [NORMS[name]().to(dtype).train(training) for _ in range(2)]

    def stepped(layer):
        def step(x):
            x = x.detach().requires_grad_(True)
            y = layer(x)
            grads = torch.autograd.grad((y * y * y).sum(), [x, *layer.parameters()])
            return y.detach(), *[g.detach() for g in grads]

        return step

    plain, captured = stepped(layers[0]), torch.compile(stepped(layers[1]), fullgraph=True)
    for seed in range(6):
        x = random(np.random.default_rng(seed), 4, 6, 9, 8, dtype=dtype)
        x = x + 1e4 if layout == "large mean" else x
        x = x.to(memory_format=torch.channels_last) if layout == "nhwc" else x
        for a, b in zip(plain(x), captured(x), strict=True):
            np.testing.assert_array_equal(a.array, b.array)
        for a, b in zip(layers[0].buffers(), layers[1].buffers(), strict=True):
            np.testing.assert_array_equal(a.array, b.array)
    assert replays.count == 3


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_pooling(channels_last, dtype, replays):
    def pools(x):
        y = [
            F.max_pool2d(x, 2), F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 2), F.avg_pool2d(x, 3, 1, 1),
            F.adaptive_avg_pool2d(x, 3), F.adaptive_max_pool2d(x, (2, 3)),
        ]  # fmt: skip
        return torch.cat([part.reshape(-1) for part in y])

    def make(rng):
        x = random(rng, 3, 4, 12, 10, dtype=dtype)
        return (x.to(memory_format=torch.channels_last) if channels_last else x,)

    agree(differentiated(pools), make, replays)


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
def test_large_arrays(dtype, replays):
    """They are treated in blocks, on several threads."""

    def function(x, w):
        y = F.gelu(x @ w) + torch.softmax(x, 1) * torch.sigmoid(x) + F.silu(x) - torch.tanh(x)
        return F.layer_norm(y, (512,)) + F.softplus(x) + F.log_softmax(x, 1) + torch.relu(x)

    agree(
        differentiated(function),
        lambda rng: (random(rng, 300, 512, dtype=dtype), random(rng, 512, 512, dtype=dtype)),
        replays,
    )


def test_view_of_a_convolution(replays):
    """Its memory is not row-major; a view makes it so where nothing else refers to it."""

    def function(x, w):
        y = F.conv2d(x, w)
        z = torch.relu(F.conv2d(x, w, padding=1)).view(8, -1)
        return y.view(-1, 32 * 26 * 26), z.mean(1)

    def make(rng):
        x, w = random(rng, 8, 16, 28, 28, dtype=torch.float32), random(rng, 32, 16, 3, 3, dtype=torch.float32)
        return x.to(memory_format=torch.channels_last), w

    agree(differentiated(lambda x, w: torch.cat([y.reshape(-1) for y in function(x, w)])), make, replays)


def test_a_view_that_is_refused(replays):
    """Another tensor refers to the memory: an error, also in a capture."""

    def function(x):
        y = x * 2
        z = y.t()
        return y.t().view(-1) if x.shape[0] == 2 else y, z

    captured = torch.compile(function)
    for _ in range(3):
        with pytest.raises(ShapeError, match="view size"):
            captured(torch.ones(2, 3))


def test_one_large_loop(replays):
    """Loops run in alternating directions; two captures of one call make their calls in one order."""
    captured = torch.compile(torch.exp, fullgraph=True)
    x = random(np.random.default_rng(0), 1_000_003)  # the last block is smaller
    for _ in range(5):
        found = captured(x)
    np.testing.assert_array_equal(found.array, np.exp(x.array))
    assert replays.count == 2


def test_embedding_and_index(replays):
    def function(table, x, index):
        table, x = (t.detach().requires_grad_(True) for t in (table, x))
        y = F.embedding(index, table, padding_idx=0).sum(1) + x[index[:, 0]] * x.gather(0, index[:, :1])
        y = y + x.index_select(0, index[:, 1]) + x.index_add(0, index[:, 0], x[: len(index)])[: len(index)]
        y = y + torch.where(x[: len(index)] > 0, x[: len(index)], 0.5).masked_fill(y > 1, 0.1)
        return y.detach(), *[g.detach() for g in torch.autograd.grad((y * y).sum(), [table, x])]

    def make(rng):
        return random(rng, 9, 5), random(rng, 9, 5), torch.from_numpy(rng.integers(0, 9, (4, 3)))

    agree(function, make, replays)


def test_tensors_made_inside(replays):
    """They begin anew at each call, and may be indexed by what is not made inside."""

    def function(x, index):
        total = torch.zeros(4, dtype=torch.float64)
        for row in x:
            total += row
            total[index] *= 2
        table = torch.linspace(0, 1, 9, dtype=torch.float64)
        return total, table[index], table.index_select(0, index), torch.arange(9).take(index)

    agree(function, lambda rng: (random(rng, 3, 4), torch.from_numpy(rng.permutation(4)[:2])), replays)


OUT_BY_POSITION = {
    "function": lambda x, y: np.cumsum(x.array, 0, None, y.array),
    "method": lambda x, y: x.array.cumsum(0, None, y.array),
    "ufunc": lambda x, y: np.multiply(x.array, 3, y.array),
    "reduction": lambda x, y: np.sum(x.array[None], 0, None, y.array),
}


@pytest.mark.parametrize("name", OUT_BY_POSITION)
def test_out_by_position(name, replays):
    def function(x):
        y = torch.empty(3, dtype=torch.float64)
        OUT_BY_POSITION[name](x, y)
        return y * 2

    compiled = torch.compile(function, fullgraph=True)
    for seed in range(5):
        x = torch.from_numpy(np.random.default_rng(seed).normal(size=3))
        np.testing.assert_array_equal(compiled(x).array, function(x).array)
    assert replays.count == 2


def test_in_place(replays):
    def function(x, index):
        x = x.detach().requires_grad_(True)
        y = x * 2
        y[1] = x[0] * x[2]
        y[:, 1:3] += x[:, :2]
        y[index] = 0.25
        y.mul_(x).add_(1.5)
        z = y.t()
        z[0] -= 1
        y.clamp_(min=-3.0)
        y.view(-1)[3] = x.sum()
        made = torch.zeros(3, 4, dtype=torch.float64)
        made[index] = y[index].detach()
        made.index_fill_(1, index, 2.0)
        return y.detach(), made, torch.autograd.grad((y * y).sum(), x)[0].detach()

    agree(function, lambda rng: (random(rng, 4, 4)[:3], torch.from_numpy(rng.permutation(3)[:2])), replays)
