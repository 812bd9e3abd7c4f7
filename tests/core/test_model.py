"""The networks against their PyTorch twins: the same weights give the same logits, gradients and training."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import cnn_physics77 as ours
from cnn_physics77.benchmarks import CNN_torch as twins
from cnn_physics77.core import model as models
from cnn_physics77.core.model import summary


class Block(nn.Module):
    """PyTorch's side of ResNet-20, written from the paper's description."""

    def __init__(self, a, b, stride, kind):
        super().__init__()
        self.conv1 = nn.Conv2d(a, b, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(b)
        self.conv2 = nn.Conv2d(b, b, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(b)
        if kind == "B" and a != b:
            self.shortcut = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))
        elif a != b:

            def shrink(x):
                zeros = torch.zeros_like(x[:, : (b - a) // 2, ::2, ::2])
                return torch.cat([zeros, x[:, :, ::2, ::2], zeros], 1)

            self.shortcut = shrink
        else:
            self.shortcut = nn.Identity()

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for i, (a, b, stride) in enumerate([(16, 16, 1), (16, 32, 2), (32, 64, 2)]):
            blocks = [Block(a, b, stride, kind), Block(b, b, 1, kind), Block(b, b, 1, kind)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


NETWORKS = {
    "CNN": (lambda m: m.CNN(), (4, 1, 28, 28), 693_714),
    "CNN of other sizes": (lambda m: m.CNN(3, 2, 5, 7, 4, 12), (4, 3, 12, 12), 1_085),
    "MLP": (lambda m: m.MLP(), (4, 1, 28, 28), 669_706),
    "LeNet5": (lambda m: m.LeNet5(), (4, 1, 28, 28), 61_706),
    "VGG": (lambda m: m.VGG(), (2, 1, 28, 28), 467_818),
    "ResNet20": (lambda m: m.ResNet20() if m is models else ResNet20("A"), (2, 3, 16, 16), 269_722),
    "ResNet20 B": (
        lambda m: m.ResNet20(shortcut="B") if m is models else ResNet20("B"),
        (2, 3, 16, 16),
        272_474,
    ),
}


def pair(name):
    make, size, parameters = NETWORKS[name]
    mine, theirs = make(models).double(), make(twins).double()
    assert sum(p.numel() for p in mine.parameters()) == parameters
    assert list(mine.state_dict()) == list(theirs.state_dict())
    mine.load_state_dict(theirs.state_dict())
    return mine, theirs, size


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_gradients_and_training_steps(name):
    mine, theirs, size = pair(name)
    rng = np.random.default_rng(0)
    optimizers = ours.optim.SGD(mine.parameters(), 0.05), torch.optim.SGD(theirs.parameters(), 0.05)
    for _ in range(2):
        x, y = rng.normal(size=size), rng.integers(0, 4, size[0])
        losses = []
        for framework, network, optimizer in zip((ours, torch), (mine, theirs), optimizers):
            optimizer.zero_grad()
            loss = framework.nn.functional.cross_entropy(
                network(framework.from_numpy(x)), framework.from_numpy(y)
            )
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        np.testing.assert_allclose(*losses, rtol=1e-9)
        for (label, p), q in zip(mine.named_parameters(), theirs.parameters()):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6, atol=1e-9, err_msg=label)
    x = rng.normal(size=size)
    found, wanted = mine.eval()(ours.from_numpy(x)), theirs.eval()(torch.from_numpy(x))
    np.testing.assert_allclose(found.numpy(force=True), wanted.detach().numpy(), rtol=1e-6, atol=1e-9)


def test_the_specifications_initial_values():
    first = models.init_normal(models.CNN(), generator=ours.Generator().manual_seed(67))
    again = models.init_normal(models.CNN(), generator=ours.Generator().manual_seed(67))
    for (name, p), q in zip(first.named_parameters(), again.parameters()):
        values = p.numpy(force=True)
        np.testing.assert_array_equal(values, q.numpy(force=True))
        if name.endswith("bias"):
            assert not values.any()
        elif values.size > 1000:
            assert abs(values.std() - 0.01) < 4 * 0.01 / np.sqrt(2 * values.size)
            assert abs(values.mean()) < 4 * 0.01 / np.sqrt(values.size)
    wide = models.init_normal(models.MLP((50, 50)), std=2.0)
    assert abs(wide.layers[0].weight.numpy(force=True).std() - 2.0) < 0.2


def test_unknown_shortcut():
    with pytest.raises(ValueError, match="expected shortcut 'A' or 'B', found 'C'"):
        models.ResNet20(shortcut="C")


# ------------------------------------------------------------------------------------- the table


def test_flops_are_those_of_pytorchs_counter():
    from torch.utils.flop_counter import FlopCounterMode

    for name in NETWORKS:
        mine, theirs, size = pair(name)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            theirs.eval()(torch.zeros(size, dtype=torch.float64))
        biases = sum(
            int(np.prod(layer.output_shape))
            for layer in summary(mine, size).layers
            if layer.flops and mine.get_submodule(layer.name).bias is not None
        )  # PyTorch's counter leaves out the additions of biases
        assert summary(mine, size).flops - biases == counter.get_total_flops()


def test_flops_of_transposed_convolutions():
    layer = ours.nn.ConvTranspose2d(2, 3, 3, stride=2)
    assert summary(layer, (1, 2, 4, 4)).flops == 2 * (2 * 16) * (3 * 9) + 3 * 81


def test_rows_and_totals():
    model = ours.nn.Sequential(
        ours.nn.Linear(3, 3), ours.nn.ReLU(), ours.nn.BatchNorm1d(3), ours.nn.Linear(3, 3)
    )
    model[3].weight = model[0].weight
    model[1].eval()
    table = summary(model, (5, 3))
    assert [(row.name, row.kind, row.output_shape, row.parameters, row.bytes) for row in table.layers] == [
        ("0", "Linear", (5, 3), 12, 48),
        ("1", "ReLU", (5, 3), 0, 0),
        ("2", "BatchNorm1d", (5, 3), 6, 56),
        ("3", "Linear", (5, 3), 3, 12),  # its weight was counted in the first line
    ]
    assert (table.parameters, table.bytes, table.flops) == (21, 116, 2 * 5 * (2 * 9 + 3))
    assert [m.training for m in model.modules()] == [True, True, False, True, True]
    assert model[2].num_batches_tracked.item() == 0
    assert all(m._hooks is None or not m._hooks.forward for m in model.modules())
    lines = str(table).splitlines()
    assert len({len(line) for line in lines if not line.startswith("-")} | {len(lines[1])}) == 1
    assert lines[-1].split() == ["Sequential", "21", "116", "210"]


def test_a_network_of_doubles_and_one_without_parameters():
    assert summary(models.MLP((4, 2)).double(), (1, 4)).bytes == 80
    assert summary(ours.nn.ReLU(), (2, 2)).layers[0].name == "ReLU"
