"""PyTorch's own files: each reads what the other has written, and a file can only hold data."""

import io
import os
import pickle
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.pickle_reader import PickleReader
from cnn_physics77.core.torch_file import names

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 bool complex64 complex128"


def through(writer, reader, obj, **options):
    """What one framework reads of what the other has written."""
    file = io.BytesIO()
    writer.save(obj, file)
    file.seek(0)
    return reader.load(file, **options)


def contents(f):
    """An object of all that both can hold, made by one framework."""
    base = f.arange(24.0)
    return {
        "dtypes": [getattr(f, name) for name in DTYPES.split()],
        "tensors": [f.arange(6).to(getattr(f, name)).reshape(2, 3) for name in DTYPES.split()],
        "shapes": [f.ones(()), f.ones(0, 3), f.ones(1, 1), f.ones(1).expand(3)],
        "orders": [f.arange(6.0).reshape(2, 3).t(), f.ones(2, 3, 4, 5).to(memory_format=f.channels_last)],
        "views": [base[3:6], base.reshape(4, 6)[1:, ::2], base],
        "variables": [
            f.ones(2, requires_grad=True),
            f.nn.Parameter(f.zeros(2)),
            f.nn.Parameter(f.ones(1), False),
        ],
        "numbers": [0, -1, 255, 65536, -(2**31), 2**31, 10**40, 1.5, float("inf"), 1 - 2j, True, False, None],
        "texts": ["", "ä\n", "\0", bytes(range(256)), bytearray(b"\xff")],
        "containers": [(), (1,), (1, 2), (1, 2, 3), (1, (2, [3], {})), [], {1, "a"}, set()],
        "dicts": [OrderedDict([("b", 1), ("a", 2)]), Counter("abba"), {1: "a", (1, 2): None, 2.5: True}],
        "size": f.ones(2, 3).shape,
        "device": f.device("cpu"),
    }


def plain(value):
    """With NumPy's arrays for tensors, texts for dtypes."""
    if isinstance(value, ours.Tensor | torch.Tensor):
        kind = "parameter" if isinstance(value, ours.nn.Parameter | torch.nn.Parameter) else "tensor"
        array = value.detach().numpy()
        strides = tuple(value.stride()) if value.numel() else value.shape
        return kind, value.requires_grad, strides, array.dtype.str, array.tolist()
    if isinstance(value, torch.Size | ours.Size):
        return "size", tuple(value)
    if isinstance(value, torch.dtype | torch.device | ours.dtype | ours.device):
        return str(value)
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    if isinstance(value, dict):
        return type(value), [(plain(k), plain(v)) for k, v in value.items()]
    return type(value), value


@pytest.mark.parametrize("reader", [ours, torch], ids=["ours", "theirs"])
@pytest.mark.parametrize("writer", [ours, torch], ids=["ours", "theirs"])
def test_each_reads_what_the_other_has_written(writer, reader):
    options = {"weights_only": True} if reader is torch else {}
    found = through(writer, reader, contents(writer), **options)
    for name, expected in contents(reader).items():
        assert plain(found[name]) == plain(expected), name
    part, strided, base = found["views"]
    with reader.no_grad():
        base.mul_(2)
    assert part.tolist() == [6, 8, 10] and strided[0, 0] == 12  # still on one memory


def test_a_model_goes_to_pytorch_and_back(tmp_path):
    def network(nn):
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3)).double()

    x = np.random.default_rng(0).normal(size=(5, 1, 4, 4))
    nets = [network(f.nn) for f in (ours, torch)]
    path, back = tmp_path / "model.pt", tmp_path / "back.pt"
    optimizers = []
    for net, f in zip(nets, (ours, torch)):
        optimizers.append(f.optim.Adam(net.parameters()))
        net(f.from_numpy(x)).sum().backward()
        optimizers[-1].step()
    ours.save({"model": nets[0].state_dict(), "optimizer": optimizers[0].state_dict()}, path)
    state = torch.load(path)
    nets[1].load_state_dict(state["model"])
    optimizers[1].load_state_dict(state["optimizer"])
    for net, optimizer, f in zip(nets, optimizers, (ours, torch)):
        net.zero_grad()
        (net(f.from_numpy(x)) ** 2).mean().backward()
        optimizer.step()
    torch.save(nets[1].state_dict(), back)
    loaded = ours.load(back)
    assert list(loaded) == list(nets[0].state_dict()) and loaded._metadata["1"] == {"version": 2}
    for name, tensor in nets[0].state_dict().items():
        np.testing.assert_allclose(tensor.numpy(), loaded[name].numpy(), rtol=1e-7)
    nets[0].load_state_dict(loaded)


def test_one_object_twice_and_a_list_in_itself():
    twice, parameter = [1], ours.nn.Parameter(ours.ones(2))
    endless = [parameter, twice, parameter, twice]
    endless.append(endless)
    for reader in (ours, torch):
        found = through(ours, reader, endless)
        assert found[0] is found[2] and found[1] is found[3] and found[4] is found


def test_what_pytorch_reads_with_all_its_classes_only():
    """Arrays and scalars of NumPy are data too; bfloat16 becomes float32; a conjugate is resolved."""
    obj = {
        "arrays": [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.array([1, 2], ">i4")],
        "scalars": [np.float32(2.5), np.int64(3), np.bool_(True)],
        "brain": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "conjugate": torch.tensor([1 + 2j]).conj(),
        "unsigned": torch.tensor([65535], dtype=torch.uint16),
        "tagged": torch.nn.Parameter(torch.ones(1)),
    }
    obj["tagged"].tag = "mine"
    for protocol in (2, 4):
        file = io.BytesIO()
        torch.save(obj, file, pickle_protocol=protocol)
        file.seek(0)
        found = ours.load(file, map_location=lambda storage, location: storage)
        for name in ("arrays", "scalars"):
            for a, b in zip(found[name], obj[name]):
                assert type(a) is type(b) and a.dtype == b.dtype and a.tolist() == b.tolist()
        assert found["brain"].dtype == ours.float32 and found["brain"].tolist() == [1.5, -2]
        assert found["conjugate"].tolist() == [1 - 2j] and found["unsigned"].tolist() == [65535]
        assert found["tagged"].tag == "mine" and type(found["tagged"]) is ours.nn.Parameter


def test_what_pytorchs_format_does_not_hold_is_saved_in_the_other_one():
    tagged = ours.ones(1)
    tagged.tag = 1
    large = 2**3000
    flipped = ours.from_numpy(np.arange(3.0)[::-1])
    for value in (
        np.ones(2),
        tagged,
        large,
        ours.from_numpy(np.ones(1, np.uint16)),
        frozenset({1}),
        range(3),
    ):
        file = io.BytesIO()
        ours.save([value], file)
        assert "structure.json" in zipfile.ZipFile(file).namelist()
        file.seek(0)
        assert len(ours.load(file)) == 1
    assert through(ours, torch, [flipped])[0].tolist() == [2, 1, 0]


class Evil:
    """A pickle that would make a folder."""

    def __init__(self, function=os.mkdir, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def archive_of(data, **others):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data/0", np.ones(2, "f4").tobytes())
        for name, text in others.items():
            archive.writestr(f"archive/{name}", text)
    file.seek(0)
    return file


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.mkdir, eval, getattr, __import__, open])
def test_no_code_is_run(function, protocol, tmp_path):
    target = tmp_path / "made"
    data = pickle.dumps({"a": Evil(function, str(target))}, protocol)
    with pytest.raises(CheckpointError, match=r"expected names of tensors .* nothing of it was run"):
        ours.load(archive_of(data))
    assert not target.exists()


TENSOR = "ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = "((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ"


def tensor_of(offset, size, stride, storage=STORAGE):
    """The pickle of one tensor, by hand."""
    rest = pickle.dumps((offset, size, stride, False, {}), 0)[1:-1].decode("latin-1")
    return f"\x80\x02{TENSOR}{storage}{rest}".encode("latin-1") + b"R."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02.",
        b"\x80\x02NN.",
        b"\x80\x02N0.",
        b"\x80\x02h\x07.",
        b"\x80\x02]N(a.",
        b"\x80\x02(K\x01d.",
        b"\x80\x02K\x01K\x02R.",
        b"\x80\x02ctorch\nSize\n]R.",
        b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb.",
        b"\x80\x02]}b.",
        b"\x80\x02K\x01Q.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00idna\x86R.",
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02ctorch\nTensor\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.",
        b"X\xff\xff\xff\x7fa.",
        pickle.dumps(np.array([print, 1], object)),
        pickle.dumps(torch.nn.Linear(1, 1).__class__),
    ],
    ids=range(22),
)
def test_damaged_and_forged_pickles_are_checkpoint_errors(data):
    with pytest.raises(CheckpointError):
        ours.load(archive_of(data))


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (3,), (1,)),
        (1, (2,), (1,)),
        (-1, (1,), (1,)),
        (0, (2,), (-1,)),
        (0, (2,), ()),
        (0, (10**9, 2), (0, 10)),
        (0, (1,) * 70, (1,) * 70),
    ],
)
def test_tensors_beyond_their_memory_are_refused(offset, size, stride):
    with pytest.raises(CheckpointError):
        ours.load(archive_of(tensor_of(offset, size, stride)))


def test_other_storages_and_programs_are_refused():
    assert ours.load(archive_of(tensor_of(0, (2,), (1,)))).tolist() == [1, 1]
    for storage in (
        STORAGE.replace("FloatStorage", "DoubleStorage"),
        STORAGE.replace("\x000X", "\x001X"),
        STORAGE.replace("storagec", "stOragec"),
        STORAGE.replace("FloatStorage", "Size"),
        STORAGE.replace("ctorch\nFloatStorage\n", "X\x05\x00\x00\x00M8[s]"),
        "cnumpy._core.multiarray\n_reconstruct\n)R(K\x01K\x01\x85cnumpy\ndtype\nX\x05\x00\x00\x00M8[s]\x85R"
        "(K\x03X\x01\x00\x00\x00<t\x62\x89X\x08\x00\x00\x0012345678t\x62",
    ):
        with pytest.raises(CheckpointError):
            ours.load(archive_of(tensor_of(0, (2,), (1,), storage)))
    with pytest.raises(CheckpointError, match="TorchScript"):
        ours.load(archive_of(tensor_of(0, (2,), (1,)), **{"constants.pkl": b""}))
    big = archive_of(tensor_of(0, (2,), (1,)), byteorder="big")
    assert ours.load(big).tolist() != [1, 1]
    with pytest.raises(CheckpointError, match=r"'torch.nn.modules.linear.Linear'; nothing of it was run"):
        through(torch, ours, torch.nn.Linear(1, 1))


def test_any_changed_byte_gives_data_or_a_checkpoint_error():
    file = io.BytesIO()
    ours.save({"a": ours.ones(2), "b": [1, (2.5, None)], "c": OrderedDict(x={3})}, file)
    whole = zipfile.ZipFile(file).read("archive/data.pkl")
    rng = np.random.default_rng(0)
    refused = 0
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] = rng.integers(256)
        try:
            ours.load(archive_of(bytes(data)))
        except CheckpointError:
            refused += 1
    assert refused > len(whole) / 3


def test_the_time_for_arrays_is_that_of_each():
    """Counted, not timed: what is built is not looked for among all that was read before."""

    class Memo(dict):
        looks = 0

        def items(self):
            Memo.looks += len(self)
            return super().items()

    arrays = [np.array([i]) for i in range(50)]
    reader = PickleReader(names())
    reader._memo = Memo()
    found = reader.read(pickle.dumps([*arrays, *arrays], 4))
    assert [a.item() for a in found] == [*range(50)] * 2 and found[3] is found[53]
    assert Memo.looks == 0
