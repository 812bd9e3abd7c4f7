"""Objects of classes: read as data if the user has declared the classes safe, or all of a trusted file."""

import io
import os
import pickle
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)


@dataclass
class Settings:
    rate: float
    parts: list = field(default_factory=list)


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


class Remembers:
    def __setstate__(self, state):
        self.found = state


class Loud:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def saved(obj, by=ours):
    file = io.BytesIO()
    by.save(obj, file)
    return file


def loaded(file, **options):
    file.seek(0)
    return ours.load(file, **options)


@pytest.fixture(autouse=True)
def _nothing_is_safe():
    clear_safe_globals()
    yield
    clear_safe_globals()


@pytest.mark.parametrize("by", [ours, torch], ids=["ours", "theirs"])
def test_a_class_is_read_once_it_is_safe(by):
    base = by.arange(4.0)
    file = saved({"settings": Settings(0.1, [base, base[1:]]), "slots": Slots(3)}, by)
    name = f"{__name__}.Settings"
    with pytest.raises(CheckpointError, match=rf"'{name}'; nothing .*add_safe_globals\(\[{name}\]\)"):
        loaded(file)
    with safe_globals([Settings]), pytest.raises(CheckpointError, match=rf"found '{__name__}.Slots'"):
        loaded(file)
    with safe_globals([Settings, Slots]):
        found = loaded(file)
    assert get_safe_globals() == []
    assert found["settings"].rate == 0.1 and found["slots"].a == 3
    whole, part = found["settings"].parts
    whole[1] = 5  # still on one memory
    assert type(found["settings"]) is Settings and part.tolist() == [5, 2, 3]
    again = loaded(file, weights_only=False)["settings"].parts
    again[0][1] = 5
    assert again[1].tolist() == [5, 2, 3]


def test_names_of_what_is_safe():
    made = Remembers()
    made.x = 1
    file = saved(made)
    add_safe_globals([(Settings, f"{__name__}.Remembers")])
    assert loaded(file).x == 1 and type(loaded(file)) is Settings  # by another name
    clear_safe_globals()
    add_safe_globals([Remembers])
    add_safe_globals([Remembers])
    with safe_globals([Remembers, Slots]):
        add_safe_globals([Settings])
        assert get_safe_globals() == [Remembers, Slots, Settings]
    assert get_safe_globals() == [Remembers, Settings]
    assert loaded(file).found == {"x": 1}
    for wrong in ([3], ["os.system"], [(Slots, 3)]):
        with pytest.raises(TypeError, match=r"^add_safe_globals: expected a list of classes"):
            add_safe_globals(wrong)


def test_a_safe_class_makes_nothing_else_safe(tmp_path):
    with safe_globals([Settings]):
        for by in (ours, torch):
            with pytest.raises(CheckpointError, match=r"mkdir'; nothing of it was run"):
                loaded(saved(Settings(Loud(str(tmp_path / "made"))), by))
    assert os.listdir(tmp_path) == []


def test_what_describes_tensors_is_data_in_objects_too():
    array = np.arange(3.0)
    parts = [ours.float64, ours.Size([2]), ours.device("cpu"), array, ours.from_numpy(array), array]
    file = saved(Settings(0.1, parts))
    with safe_globals([Settings]):
        found = loaded(file).parts
    assert found[:3] == parts[:3] and [type(p) for p in found] == [type(p) for p in parts]
    found[3][1] = 7
    assert found[4].tolist() == [0, 7, 2] and found[5] is found[3]


def test_training_goes_on_from_objects_of_pytorch():
    def step(f, net, optimizer, scheduler):
        optimizer.zero_grad()
        net(f.ones(1, 2)).sum().backward()
        optimizer.step()
        scheduler.step()
        return net.weight.tolist(), scheduler.get_last_lr()

    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    theirs = [net, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 1)]
    step(torch, *theirs)
    mine = loaded(saved(theirs, torch), weights_only=False)
    (weights, rate), (expected, expected_rate) = step(ours, *mine), step(torch, *theirs)
    np.testing.assert_allclose(weights, expected, rtol=1e-5)
    assert rate == expected_rate


class Net(torch.nn.Module):
    """As a script has it; it is loaded where the class is one of ours."""

    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(4, 2)
        self.body = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
        self.register_buffer("scale", torch.ones(1), persistent=False)
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, x):
        return self.body(self.attention(x, x, x)[0] * self.scale) * self.weight


class OurNet(ours.nn.Module):
    forward = Net.forward


def test_whole_modules_of_pytorch_are_read_from_trusted_files(monkeypatch):
    theirs = Net().eval()
    theirs.weight.requires_grad_(False)
    file = saved({"net": theirs, "size": torch.Size([2]), "type": torch.float64, "array": np.ones(2)}, torch)
    with pytest.raises(CheckpointError, match=rf"found '{__name__}.Net'"):
        loaded(file)
    monkeypatch.setitem(globals(), "Net", OurNet)
    found = loaded(file, weights_only=False)
    net, x = found["net"], np.random.default_rng(0).normal(size=(5, 4)).astype("f4")
    np.testing.assert_allclose(
        net(ours.from_numpy(x)).detach().numpy(), theirs(torch.from_numpy(x)).detach().numpy(), atol=1e-5
    )
    assert list(net.state_dict()) == list(theirs.state_dict())
    assert [(n, p.requires_grad) for n, p in net.named_parameters()] == [
        (n, p.requires_grad) for n, p in theirs.named_parameters()
    ]
    assert not net.training and "scale" in dict(net.named_buffers()) and type(net.body) is ours.nn.Sequential
    assert found["size"] == ours.Size([2]) and found["type"] is ours.float64 and found["array"].sum() == 2
    with safe_globals([OurNet, ours.nn.Linear]), pytest.raises(CheckpointError, match="MultiheadAttention'"):
        loaded(saved(net))


def test_what_a_trusted_file_lacks_is_named(monkeypatch):
    file = saved(Slots(1), torch)
    monkeypatch.delitem(globals(), "Slots")
    with pytest.raises(
        CheckpointError, match=rf"expected classes that can be imported, found {__name__}.Slots"
    ):
        loaded(file, weights_only=False)
    hooked = torch.nn.Linear(1, 1)
    hooked.register_full_backward_hook(print).remove()  # which PyTorch remembers
    assert loaded(saved(hooked, torch), weights_only=False)._is_full_backward_hook is None
    hooked.register_forward_hook(print)
    with pytest.raises(CheckpointError, match="a Linear with hooks; remove them"):
        loaded(saved(hooked, torch), weights_only=False)


def archive_of(data, packed=zipfile.ZIP_STORED, **others):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        archive.writestr("archive/data.pkl", data)
        for name, text in others.items():
            archive.writestr(name, text)
    return file


@pytest.mark.parametrize(
    "nested",
    [
        b")" + b"\x85" * 1_000_000,  # ((((...)))): its hash would overflow the stack of the process
        b")" + b"q\x00h\x00\x86" * 100,  # t = t, t a hundred times: its hash would take for ever
    ],
    ids=["deep", "wide"],
)
def test_keys_that_cannot_be_hashed_are_refused(nested):
    with pytest.raises(CheckpointError, match="tuples in tuples"):
        loaded(archive_of(b"\x80\x02}" + nested + b"K\x01s."))


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bombs_are_not_unpacked(packed):
    file = archive_of(pickle.dumps(None), packed, other=bytes(300 << 20) if packed == 8 else bytes(1000))
    with pytest.raises(CheckpointError, match="its entries would have"):
        loaded(file)


def test_names_of_torchvision_are_ours():
    from cnn_physics77.vision.models.alexnet import AlexNet

    file = archive_of(b"\x80\x02ctorchvision.models.alexnet\nAlexNet\n.")
    with pytest.raises(CheckpointError, match=r"'torchvision\.models\.alexnet\.AlexNet'"):
        loaded(file)
    assert loaded(file, weights_only=False) is AlexNet
    with safe_globals([AlexNet]):
        assert loaded(file) is AlexNet
